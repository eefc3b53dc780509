import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { strategies } from '../../../parity/random-trace.js';
import { connect, RedisServer } from '../../../support/redis/redis.js';
import { Fleet } from '../support/fleet.js';

const HOUR_MS = 3_600_000;
/** So long that no test comes across the end of a window, and no unit is back while it runs. */
const PERIOD_MS = 10_000 * 86_400_000;

describe('two processes whose clocks are an hour apart', () => {
  let server: RedisServer;
  let redis: Redis;
  let fleet: Fleet;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = await connect(server);
    fleet = new Fleet([0, HOUR_MS]);
  });

  afterAll(async () => {
    fleet[Symbol.dispose]();
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  async function serverMs(): Promise<number> {
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }

  it.each(strategies)('share one budget, with the same decisions, by %s', async (strategy) => {
    const before = await serverMs();
    const shares = await fleet.run(
      {
        port: server.port,
        prefix: strategy,
        spec: { rate: `10/${PERIOD_MS}ms`, strategy, ...(strategy === 'gcra' && { burst: 10 }) },
        hits: 20,
        inFlight: 2,
      },
      redis,
    );
    const after = await serverMs();
    const [ours = 0, theirs = 0] = shares.map(({ processMs }) => processMs);
    expect(Math.round((theirs - ours) / 60_000)).toBe(60);
    expect(shares.map(({ answers }) => answers.length)).toEqual([20, 20]);

    const told = shares.flatMap(({ answers }) => answers);
    const admitted = told.filter(({ allowed }) => allowed).sort((a, b) => b.remaining - a.remaining);
    expect(admitted.map(({ remaining }) => remaining)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(shares.map(({ answers }) => answers.some(({ allowed }) => allowed))).toEqual([true, true]);
    for (const { at = 0 } of admitted) {
      expect(at).toBeGreaterThanOrEqual(before);
      expect(at).toBeLessThanOrEqual(after);
    }
    // The instants are the server's, so they only increase while the budget shrinks, in every process.
    const instants = admitted.map(({ at = 0 }) => at);
    expect(instants).toEqual(instants.toSorted((a, b) => a - b));

    // The end of the window is the same instant in all processes.
    const [first = 0] = instants;
    const end = Math.ceil(first / PERIOD_MS) * PERIOD_MS;
    const ends = new Set(admitted.map(({ at = 0, resetMs }) => at + resetMs));
    expect(strategy === 'fixed-window' ? ends : new Set([end])).toEqual(new Set([end]));
    for (const { retryAfterMs } of told.filter(({ allowed }) => !allowed)) {
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(retryAfterMs).toBeLessThanOrEqual(strategy === 'sliding-window' ? PERIOD_MS * 1.1 : PERIOD_MS);
    }
  });
});
