import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { connect, RedisServer } from '../../support/redis/redis.js';
import { CEILING_MS } from '../../support/wait-until.js';
import type { FleetAnswer, FleetHit, FleetTask } from './fleet-process.js';

/** An application in a process of its own. One task at a time. */
class FleetProcess implements Disposable {
  readonly #process: ChildProcess;

  constructor() {
    const loader = new URL('../../support/typescript.mjs', import.meta.url).href;
    this.#process = fork(new URL('./fleet-process.ts', import.meta.url), [], { execArgv: ['--import', loader] });
  }

  async ask(task: FleetTask): Promise<unknown> {
    const answered = once(this.#process, 'message') as Promise<[FleetAnswer]>;
    this.#process.send(task);
    const [answer] = await answered;
    if ('error' in answer) throw new Error(answer.error);
    return answer.value;
  }

  hit(subject: string): Promise<FleetHit> {
    return this.ask({ do: 'hit', subject }) as Promise<FleetHit>;
  }

  /** Hits until the call is decided so. */
  async hitUntil(subject: string, isSo: (hit: FleetHit) => boolean): Promise<FleetHit> {
    const giveUpAt = performance.now() + CEILING_MS;
    for (;;) {
      const hit = await this.hit(subject);
      if (isSo(hit)) return hit;
      if (performance.now() > giveUpAt) throw new Error(`Not within ${CEILING_MS} ms; last: ${JSON.stringify(hit)}`);
      await setTimeout(20);
    }
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL');
  }
}

describe('two processes on one Redis', () => {
  it('have the changes and overrides of each other, even after a restart of the server', async () => {
    await using server = await RedisServer.start();
    using one = new FleetProcess();
    using other = new FleetProcess();
    const { port } = server;
    for (const member of [one, other]) await member.ask({ do: 'start', port, prefix: 'fleet' });
    expect(await other.hit('ada')).toEqual({ allowed: true, limit: 1000 });

    // An override in the next call, a change within a second.
    await one.ask({ do: 'override', subject: 'ada', rate: '50/day' });
    expect(await other.hit('ada')).toEqual({ allowed: true, limit: 50 });
    await one.ask({ do: 'override', subject: 'bob', rate: '5/h' });
    expect(await other.hit('bob')).toEqual({ allowed: true, limit: 5 });
    await one.ask({ do: 'update', rate: '300/day' });
    const before = performance.now();
    expect(await other.hitUntil('eve', ({ limit }) => limit === 300)).toEqual({ allowed: true, limit: 300 });
    // Half a second between two looks; the rest is what a loaded machine may take.
    expect(performance.now() - before).toBeLessThan(10_000);

    // A server that has forgotten its scripts gets them again, with the override.
    const redis = await connect(server);
    await redis.script('FLUSH');
    redis.disconnect();
    for (const member of [one, other]) expect(await member.hit('bob')).toEqual({ allowed: true, limit: 5 });

    // Without the server, what is known stays in force.
    await server.kill();
    expect(await other.hit('ada')).toEqual({ allowed: true, limit: 50, degraded: 'local' });
    expect(await other.hit('bob')).toEqual({ allowed: true, limit: 5, degraded: 'local' });
    expect(await other.hit('eve')).toEqual({ allowed: true, limit: 300, degraded: 'local' });
    await expect(one.ask({ do: 'update', rate: '200/day' })).rejects.toThrow(/Redis|[Cc]onnection/);
    await expect(one.ask({ do: 'override', subject: 'ada', rate: '60/day' })).rejects.toThrow(/Redis|[Cc]onnection/);

    // It comes back with nothing, and so with no change and no override.
    await server.start();
    for (const member of [one, other]) {
      await member.hitUntil('joe', ({ degraded, limit }) => degraded === undefined && limit === 1000);
      expect(await member.hit('ada')).toEqual({ allowed: true, limit: 1000 });
    }
    await one.ask({ do: 'override', subject: 'ada', rate: '70/day' });
    expect(await other.hit('ada')).toEqual({ allowed: true, limit: 70 });
    await other.ask({ do: 'update', rate: '400/day' });
    await one.hitUntil('eve', ({ limit }) => limit === 400);
  });
});
