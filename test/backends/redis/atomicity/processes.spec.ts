import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { strategies } from '../../../parity/random-trace.js';
import { connect, RedisServer } from '../../../support/redis/redis.js';
import { Fleet } from '../support/fleet.js';

const PROCESSES = 4;
const LIMIT = 1000;

describe(`${PROCESSES} processes that send 5 000 hits each against a limit of ${LIMIT}`, () => {
  let server: RedisServer;
  let redis: Redis;
  let fleet: Fleet;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = await connect(server);
    fleet = new Fleet(new Array<number>(PROCESSES).fill(0));
  });

  afterAll(async () => {
    fleet[Symbol.dispose]();
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  it.each(strategies)(
    'are admitted exactly a thousand times, each with a different remaining, by %s',
    async (strategy) => {
      const shares = await fleet.run(
        {
          port: server.port,
          prefix: strategy,
          spec: { rate: `${LIMIT}/h`, strategy, ...(strategy === 'gcra' && { burst: LIMIT }) },
          hits: 5000,
          inFlight: 32,
          frozenAt: Date.UTC(2026, 0, 1) + 123_456,
        },
        redis,
      );
      const answers = shares.flatMap((share) => share.answers);
      const admitted = answers.filter(({ allowed }) => allowed);
      const remaining = admitted.map((decision) => decision.remaining).sort((a, b) => b - a);
      expect(answers.length).toBe(PROCESSES * 5000);
      expect(remaining).toEqual(Array.from({ length: LIMIT }, (_, i) => LIMIT - 1 - i));
      expect(shares.map((share) => share.answers.some(({ allowed }) => allowed))).toEqual([true, true, true, true]);
      expect(new Set(answers.filter(({ allowed }) => !allowed).map((denial) => denial.remaining))).toEqual(
        new Set([0]),
      );
    },
  );

  it('report a threshold of a quota once, all of them together', async () => {
    const thresholds = [0.1, 0.8, 1];
    const shares = await fleet.run(
      {
        port: server.port,
        prefix: 'thresholds',
        spec: { rate: `${LIMIT}/month`, thresholds },
        hits: 500,
        inFlight: 32,
        frozenAt: Date.UTC(2026, 0, 1) + 123_456,
      },
      redis,
    );
    const answers = shares.flatMap((share) => share.answers);
    expect(answers.filter(({ allowed }) => allowed).length).toBe(LIMIT);
    const told = answers.filter(({ reached }) => reached !== undefined);
    expect(told.flatMap(({ reached, window }) => (reached ?? []).map((share) => [share, window?.used])).sort()).toEqual(
      [
        [0.1, 100],
        [0.8, 800],
        [1, 1000],
      ],
    );
  });
});
