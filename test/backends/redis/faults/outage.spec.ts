import { afterEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import {
  answersOf,
  askUntil,
  charge,
  counter,
  failureOf,
  guarded,
  probesFail,
  SECRET,
  textOf,
  usedOf,
} from '../../../support/redis/faults.js';
import { connect, freePort, RedisServer, recommended } from '../../../support/redis/redis.js';

// Jest fails a test during which a rejection is left unhandled, so that every test here shows that there is none.

/** The deadline of calls that no answer can reach: the shorter, the sooner the test is done. */
const NOBODY_MS = 100;

const opened: { disconnect(): void }[] = [];
const keep = <T extends { disconnect(): void }>(client: T): T => {
  opened.push(client);
  return client;
};

afterEach(() => {
  for (const client of opened.splice(0)) client.disconnect();
});

describe.each([
  [
    'ioredis 6',
    (port: number) =>
      new Redis({ host: '127.0.0.1', port, ...recommended, retryStrategy: () => 50, disconnectTimeout: 50 }),
  ],
  [
    'ioredis 6 with an offline queue',
    (port: number) =>
      new Redis({
        host: '127.0.0.1',
        port,
        maxRetriesPerRequest: null,
        retryStrategy: () => 50,
        disconnectTimeout: 50,
      }),
  ],
  [
    'ioredis 5',
    (port: number) =>
      new Redis5({
        host: '127.0.0.1',
        port,
        ...recommended,
        retryStrategy: () => 50,
        disconnectTimeout: 50,
      }),
  ],
])('a server that was never started, and %s', (_, open) => {
  it('is replaced by onError, within the deadline', async () => {
    const client = keep(open(await freePort()));
    client.on('error', () => undefined);
    const { answers, expected, late } = await answersOf(client, NOBODY_MS);
    expect(answers).toEqual(expected);
    expect(late).toBe(0);
    const { error, isLate } = await failureOf(client, SECRET, NOBODY_MS);
    expect(error).toMatchObject({ name: 'BackendError', transient: true });
    expect(['CONNECTION', 'TIMEOUT']).toContain(error.code);
    expect(textOf(error)).not.toContain(SECRET);
    expect(isLate).toBe(false);
  });

  it('is not called after five failures, and the limits are enforced in this process', async () => {
    const client = keep(open(await freePort()));
    client.on('error', () => undefined);
    const { backend, events } = guarded(client, 'local', NOBODY_MS);
    const limit = counter('three', 3);
    const startedAt = performance.now();
    for (const allowed of [true, true, true, false, false, false]) {
      expect(await backend.spend([charge(limit)])).toMatchObject({ allowed, degraded: 'local' });
    }
    expect(events).toEqual([
      {
        type: 'degraded',
        code: expect.stringMatching(/^(?:CONNECTION|TIMEOUT)$/),
        message: expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+/),
      },
    ]);
    // A second from the fifth failure on, less what has passed since.
    const { retryAfterMs } = backend;
    expect(retryAfterMs).toBeGreaterThanOrEqual(Math.max(0, 999 - (performance.now() - startedAt)));
    expect(retryAfterMs).toBeLessThanOrEqual(1000);
    expect(await backend.peek([charge(limit)])).toMatchObject({ allowed: false, degraded: 'local' });
    expect(() => backend.spend([charge(limit, 'ada', -1)])).toThrow(RangeError);
    await backend.reset([{ policy: limit, subject: 'ada' }]);
    expect(events.at(-1)).toEqual({ type: 'lost', what: 'reset', code: 'UNAVAILABLE' });
    await backend.credit?.([charge(limit)]);
    expect(events.at(-1)).toEqual({ type: 'lost', what: 'credit', code: 'UNAVAILABLE' });
    expect(await backend.spend([charge(limit)])).toMatchObject({ allowed: true, degraded: 'local' });
  });
});

describe('a server that is killed and started again', () => {
  it('is reported once, and once when it is back; then it decides again', async () => {
    await using server = await RedisServer.start();
    const client = keep(await connect(server));
    const { backend, prefix, events } = guarded(client);
    const [limit, subject] = [counter('c'), 'ada'];
    expect(await backend.spend([charge(limit)])).toMatchObject({ allowed: true, receipt: {} });

    const inFlight = Array.from({ length: 20 }, () => backend.spend([charge(limit)]));
    await server.kill();
    await Promise.all(inFlight);
    const { answers, expected } = await answersOf(client);
    expect(answers).toEqual(expected);
    const ask = () => backend.spend([charge(limit)]);
    await probesFail(2, backend, ask);
    expect(events).toEqual([
      { type: 'degraded', code: 'CONNECTION', message: expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+/) },
    ]);
    expect(await ask()).toMatchObject({ allowed: true, degraded: 'local', receipt: { degraded: 'local' } });

    await server.start();
    await askUntil(ask, ({ degraded }) => degraded === undefined);
    expect(events).toEqual([
      { type: 'degraded', code: 'CONNECTION', message: expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+/) },
      { type: 'recovered' },
    ]);
    const other = keep(await connect(server));
    expect(await usedOf(other, prefix, limit, subject)).toBe(1);
    expect(await ask()).toMatchObject({ decisions: [{ remaining: limit.limit - 2 }] });
    expect(await usedOf(other, prefix, limit, subject)).toBe(2);
  });

  it('refunds charges of the fallback in the fallback', async () => {
    await using server = await RedisServer.start();
    const client = keep(await connect(server));
    const { backend } = guarded(client);
    const limit = counter('one', 1);
    await server.kill();
    const taken = await backend.spend([charge(limit)]);
    expect(await backend.spend([charge(limit)])).toMatchObject({ allowed: false, degraded: 'local' });
    await backend.settle(taken.receipt ?? { at: 0, charges: [] }, [0]);
    expect(await backend.spend([charge(limit)])).toMatchObject({ allowed: true, degraded: 'local' });
  });
});
