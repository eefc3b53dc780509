import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { Throttle, ThrottleService } from '../../src/index.js';
import { adapters, START, startApp, type TestApp } from '../support/app.js';
import { until } from '../support/until.js';

const strategy = 'leaky-bucket';

/** Handlers that write down when they ran; the leaky ones let one call a second through, and hold up to four. */
function heldController() {
  const runs: string[] = [];

  @Controller()
  class HeldController {
    constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

    @Throttle('60/min', { strategy, burst: 5 })
    @Get('guarded/:name')
    guarded(@Param('name') name: string): string {
      runs.push(name);
      return name;
    }

    @Throttle('60/min', { strategy, burst: 5, manual: true })
    @Get('hit/:name')
    async hit(@Param('name') name: string): Promise<unknown> {
      const { decisions } = await this.throttle.hit();
      runs.push(name);
      return { delayMs: decisions[0]?.delayMs };
    }

    @Throttle('60/min', { strategy, burst: 5, manual: true })
    @Get('consume/:name')
    async consume(@Param('name') name: string): Promise<unknown> {
      const { allowed, decisions } = await this.throttle.consume();
      runs.push(name);
      return { allowed, delayMs: decisions[0]?.delayMs };
    }

    @Throttle('60/min', { name: 'slow', strategy, burst: 5 })
    @Throttle('120/min', { name: 'fast', strategy, burst: 5 })
    @Get('both/:name')
    both(@Param('name') name: string): string {
      runs.push(name);
      return name;
    }
  }
  return { runs, controllers: [HeldController] };
}

/** Sends one request after the other, each when the one before is held; the first is not. */
async function sendInOrder(app: TestApp, paths: readonly string[]): Promise<Promise<number>[]> {
  const sent: Promise<number>[] = [];
  for (const path of paths) {
    const answer = app.send(path).then(({ status }) => status);
    sent.push(answer);
    if (sent.length === 1) await answer;
    else await until(() => app.clock.waiting === sent.length - 1);
  }
  return sent;
}

describe.each(adapters)('a leaky bucket on %s', (adapter) => {
  it.each(['guarded', 'hit', 'both'])('holds calls until their turn, in order (%s)', async (handler) => {
    const { runs, controllers } = heldController();
    await using app = await startApp({ adapter, controllers });
    const sent = await sendInOrder(
      app,
      ['a', 'b', 'c', 'd'].map((name) => `/${handler}/${name}`),
    );
    expect(runs).toEqual(['a']);
    for (const [i, name] of ['b', 'c', 'd'].entries()) {
      app.clock.advance(999);
      expect(app.clock.waiting).toBe(3 - i);
      app.clock.advance(1);
      expect(app.clock.waiting).toBe(2 - i);
      expect(await sent[i + 1]).toBe(200);
      expect(runs.at(-1)).toBe(name);
    }
    expect(runs).toEqual(['a', 'b', 'c', 'd']);
  });

  it.each(['guarded', 'hit'])(
    'holds as many calls as it has room for, and denies others at once (%s)',
    async (handler) => {
      const { runs, controllers } = heldController();
      await using app = await startApp({ adapter, controllers });
      const sent = await sendInOrder(
        app,
        ['a', 'b', 'c', 'd', 'e'].map((name) => `/${handler}/${name}`),
      );
      for (let i = 0; i < 3; i++) {
        const denied = await app.send(`/${handler}/f`);
        expect([denied.status, denied.headers['retry-after']]).toEqual([429, '1']);
      }
      expect([app.clock.waiting, runs]).toEqual([4, ['a']]);

      app.clock.advance(1000);
      expect(await sent[1]).toBe(200);
      const next = app.send(`/${handler}/g`);
      await until(() => app.clock.waiting === 4);
      expect((await app.send(`/${handler}/h`)).status).toBe(429);
      app.clock.advance(3000);
      expect(await Promise.all(sent)).toEqual([200, 200, 200, 200, 200]);
      expect([app.clock.waiting, runs.toSorted()]).toEqual([1, ['a', 'b', 'c', 'd', 'e']]);
      app.clock.advance(1000);
      expect((await next).status).toBe(200);
      expect([app.clock.now(), runs.at(-1)]).toEqual([START + 5000, 'g']);
    },
  );

  it('does not run the handler for a client that left, and releases what waited for it', async () => {
    const { runs, controllers } = heldController();
    const warnings: string[] = [];
    await using app = await startApp({ adapter, controllers, warnings });
    for (const handler of ['guarded', 'hit']) {
      runs.length = 0;
      expect((await app.send(`/${handler}/a`)).status).toBe(200);
      const leaving = new AbortController();
      const left = app.send(`/${handler}/b`, { signal: leaving.signal });
      await until(() => app.clock.waiting === 1);
      const staying = app.send(`/${handler}/c`);
      await until(() => app.clock.waiting === 2);
      leaving.abort();
      await expect(left).rejects.toThrow('The operation was aborted');
      await until(() => app.clock.waiting === 1);
      app.clock.advance(2000);
      expect((await staying).status).toBe(200);
      expect(runs).toEqual(['a', 'c']);
    }
    // A rejection that nobody handles would fail the test by itself.
    expect(warnings).toEqual([]);
  });

  it('only tells consume() how long to hold', async () => {
    const { runs, controllers } = heldController();
    await using app = await startApp({ adapter, controllers });
    const bodies: unknown[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) bodies.push((await app.send(`/consume/${name}`)).body);
    expect(bodies).toEqual([
      { allowed: true, delayMs: 0 },
      { allowed: true, delayMs: 1000 },
      { allowed: true, delayMs: 2000 },
      { allowed: true, delayMs: 3000 },
      { allowed: true, delayMs: 4000 },
      { allowed: false, delayMs: 0 },
    ]);
    expect([app.clock.waiting, runs]).toEqual([0, ['a', 'b', 'c', 'd', 'e', 'f']]);
  });

  it.each(['guarded', 'hit'])('lets the application close while calls are held (%s)', async (handler) => {
    const { runs, controllers } = heldController();
    const app = await startApp({ adapter, controllers });
    const sent = await sendInOrder(
      app,
      ['a', 'b', 'c'].map((name) => `/${handler}/${name}`),
    );
    await app.app.close();
    expect([await sent[1], await sent[2]]).toEqual([503, 503]);
    expect([app.clock.waiting, runs]).toEqual([0, ['a']]);
  });

  it('turns away what it would hold while the application closes', async () => {
    const gate = new AbortController();
    let reached = false;

    @Controller()
    class GatedController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Throttle('60/min', { strategy, manual: true })
      @Get()
      async gated(): Promise<void> {
        await this.throttle.hit();
        reached = true;
        await once(gate.signal, 'abort');
        await this.throttle.hit();
      }
    }
    const app = await startApp({ adapter, controllers: [GatedController] });
    const answer = app.send('/');
    await until(() => reached);
    const closed = app.app.close();
    await until(() => !app.app.getHttpServer().listening);
    gate.abort();
    expect((await answer).status).toBe(503);
    await closed;
  });
});
