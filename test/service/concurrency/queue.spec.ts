import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param } from '@nestjs/common';
import {
  by,
  defineConcurrency,
  ManualClock,
  MemoryBackend,
  Throttle,
  type ThrottleEvent,
  ThrottleService,
} from '../../../src/index.js';
import { CallLimiter } from '../../../src/service/calls/call-limiter.js';
import { eventsOf } from '../../support/events.js';
import { adapters, startApp, type TestApp } from '../../support/http-app.js';
import { START } from '../../support/start-time.js';
import { until } from '../../support/wait-until.js';
import { Gate } from '../outcomes/gate.js';

const policies = {
  export: { concurrency: { limit: 1, queue: { max: 2, waitMs: 1000 } }, by: by.all() },
  rated: { rate: '1/hour', concurrency: { limit: 1, queue: { max: 2, waitMs: 1000 } }, by: by.all() },
  strict: {
    rate: '2/hour',
    strategy: 'fixed-window',
    concurrency: { limit: 1, queue: { max: 2, waitMs: 1000 } },
    by: by.all(),
    block: { for: '5m' },
  },
} as const;

describe.each(adapters)('a queue for permits on %s', (adapter) => {
  let gate: Gate;
  let app: TestApp;
  let limiter: CallLimiter;
  let backend: MemoryBackend;
  let events: ThrottleEvent[];

  beforeEach(async () => {
    gate = new Gate();
    backend = new MemoryBackend({ clock: new ManualClock(START) });

    @Controller()
    class ExportController {
      @Throttle('export')
      @Get('export/:name')
      async export(@Param('name') name: string): Promise<string> {
        await gate.wait(name);
        return name;
      }

      @Throttle('strict')
      @Get('strict/:name')
      async strict(@Param('name') name: string): Promise<string> {
        await gate.wait(name);
        return name;
      }

      @Throttle('rated')
      @Get('rated')
      rated(): string {
        return 'rated';
      }
    }
    app = await startApp({ adapter, controllers: [ExportController], options: { backend, policies } });
    limiter = app.app.get(CallLimiter);
    events = eventsOf(app.app);
  });
  afterEach(() => app.app.close());

  const clock = () => {
    if (backend.clock instanceof ManualClock) return backend.clock;
    throw new Error('not the clock of the test');
  };
  const start = (name: string, signal?: AbortSignal) => {
    const answer = app.send(`/export/${name}`, signal && { signal }).then(
      ({ status }) => status,
      () => 'aborted',
    );
    return answer;
  };
  const begun = (name: string) => until(() => gate.begun.includes(name));
  /** Starts calls one after the other: the first runs, the others wait. */
  const startInOrder = async (...names: readonly string[]) => {
    const answers = [];
    for (const [i, name] of names.entries()) {
      answers.push(start(name));
      await (i === 0 ? begun(name) : until(() => limiter.queued === i));
    }
    return answers;
  };
  const denials = () => events.filter(({ type }) => type === 'denied').length;

  it('does not bypass a block: the rate denies calls that arrive while others wait, and such denials count', async () => {
    const throttle = app.app.get(ThrottleService);
    const running = app.send('/strict/a');
    await begun('a');
    const waiting = app.send('/strict/b');
    await until(() => limiter.queued === 1);
    await throttle.debit('strict', 1);
    const denied = await app.send('/strict/c');
    expect([denied.body.reason, denied.headers['retry-after']]).toEqual(['blocked', '3600']);
    expect(await throttle.blocks.get('strict', 'all')).toMatchObject({ strikes: 1 });
    gate.open('a');
    expect([(await running).status, (await waiting).status]).toEqual([200, 429]);
    expect(events.filter(({ type }) => type === 'blocked')).toHaveLength(1);
  });

  it('lets calls run in order of arrival, each when the previous one has ended', async () => {
    const [a, b, c] = await startInOrder('a', 'b', 'c');
    gate.open('a');
    await begun('b');
    expect(gate.begun).toEqual(['a', 'b']);
    gate.open('b');
    await begun('c');
    gate.open('c');
    expect(await Promise.all([a, b, c])).toEqual([200, 200, 200]);
    expect(denials()).toBe(0);
  });

  it('is bounded: a call is denied at once if it is full', async () => {
    const running = await startInOrder('a', 'b', 'c');
    const full = await app.send('/export/d');
    expect([full.status, full.body.reason, full.headers['retry-after']]).toEqual([429, 'concurrency', '1']);
    expect(denials()).toBe(1);
    for (const name of ['a', 'b', 'c']) {
      await begun(name);
      gate.open(name);
    }
    await Promise.all(running);
  });

  it('denies a call that has waited for waitMs, and not before', async () => {
    const [a, b] = await startInOrder('a', 'b');
    clock().advance(999);
    await app.send('/rated');
    expect([limiter.queued, denials()]).toEqual([1, 0]);
    clock().advance(1);
    expect(await b).toBe(429);
    expect([limiter.queued, denials()]).toEqual([0, 1]);
    gate.open('a');
    expect(await a).toBe(200);
  });

  it('frees the place of a client that aborts at once', async () => {
    const [a] = await startInOrder('a', 'b');
    const client = new AbortController();
    const c = start('c', client.signal);
    await until(() => limiter.queued === 2);
    client.abort();
    expect(await c).toBe('aborted');
    await until(() => limiter.queued === 1);
    const d = start('d');
    await until(() => limiter.queued === 2);
    gate.open('a');
    await begun('b');
    gate.open('b');
    await begun('d');
    gate.open('d');
    expect([await a, await d]).toEqual([200, 200]);
    expect(gate.begun).toEqual(['a', 'b', 'd']);
    expect(denials()).toBe(0);
  });

  it('tries again every 50 ms, for permits that other processes free, and keeps the order', async () => {
    const policy = defineConcurrency('export', 1);
    const permit = { policy, subject: 'all', id: 1, units: 1, ttlMs: 60_000 };
    expect(backend.holds.take([permit], [])).toMatchObject({ allowed: true });
    const b = start('b');
    await until(() => limiter.queued === 1);
    backend.holds.end([{ ...permit, units: 0 }]);
    const c = start('c');
    await until(() => limiter.queued === 2);
    expect(gate.begun).toEqual([]);
    clock().advance(50);
    await begun('b');
    gate.open('b');
    await begun('c');
    gate.open('c');
    expect(await Promise.all([b, c])).toEqual([200, 200]);
    expect(gate.begun).toEqual(['b', 'c']);
  });

  it('does not take calls that a rate denies', async () => {
    expect((await app.send('/rated')).status).toBe(200);
    await until(() => limiter.permits.size === 0);
    const denied = await app.send('/rated');
    expect([denied.status, denied.body.policy, denied.body.reason]).toEqual([429, 'rated', 'rate']);
  });

  it('ends when the application closes: calls that wait are rejected, those that run go on', async () => {
    const [a, b] = await startInOrder('a', 'b');
    const closing = app.app.close();
    expect(await b).toBe(503);
    gate.open('a');
    expect(await a).toBe(200);
    await closing;
    const read = { policy: defineConcurrency('export', 1), subject: 'all', id: 1, units: 0, ttlMs: 1 };
    const [decision] = (await backend.holds.peek([read], [])).decisions;
    expect(decision?.remaining).toBe(1);
  });
});
