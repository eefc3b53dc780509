import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Cluster } from 'ioredis';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { slotOf } from '../../../../src/backends/redis/redis-keys.js';
import { ManualClock } from '../../../../src/core/clock.js';
import type { Charge } from '../../../../src/core/decision.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { randomFrom, strategies } from '../../../parity/random-trace.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { RedisCluster } from '../../../support/redis/redis.js';

const CALLERS = 600;
const LIMITS = { address: 300, user: 180 };

describe('parallel callers whose charges are on two masters of a Cluster', () => {
  let cluster: RedisCluster;
  let clients: readonly Cluster[] = [];

  beforeAll(async () => {
    cluster = await RedisCluster.start();
    clients = await Promise.all([cluster.connect(), cluster.connect(), cluster.connect(), cluster.connect()]);
  });

  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await cluster?.[Symbol.asyncDispose]();
  });

  const masterOf = (subject: string) => clients[0]?.slots[slotOf(`{${subject}}`)]?.[0];

  it.each(strategies)(
    'are never admitted above the limit, and charged exactly for admitted calls, by %s',
    async (strategy) => {
      const policyOf = (name: keyof typeof LIMITS) =>
        definePolicy(name, {
          rate: `${LIMITS[name]}/h`,
          strategy,
          ...(strategy === 'gcra' && { burst: LIMITS[name] }),
        });
      const address = { policy: policyOf('address'), subject: 'ip:192.0.2.1' };
      const user = { policy: policyOf('user'), subject: 'user:42' };
      expect(masterOf(address.subject)).not.toBe(masterOf(user.subject));

      const random = randomFrom(strategies.indexOf(strategy));
      const clock = new ManualClock(Date.UTC(2026, 0, 1) + 123_456);
      const backends = clients.map(
        (client) => new RedisBackend(client, { prefix: strategy, clock, timeoutMs: PATIENT_MS }),
      );
      const callOf = (): readonly Charge[] => {
        const [a, b] = [
          { ...address, cost: 1 + random(2) },
          { ...user, cost: 1 + random(2) },
        ];
        return [[a, b], [b, a], [a, b], [b, a], [a], [b]][random(6)] ?? [];
      };
      const outcomes = await Promise.all(
        Array.from({ length: CALLERS }, async () => {
          const charges = callOf();
          const outcome = await backends[random(backends.length)]?.spend(charges);
          return { charges, outcome };
        }),
      );

      const charged = { address: 0, user: 0 };
      for (const { charges, outcome } of outcomes) {
        for (const { policy, cost } of outcome?.allowed ? charges : []) {
          charged[policy.name === 'user' ? 'user' : 'address'] += cost;
        }
      }
      // More was asked than there is, and some of what one master took was given back since the other had none left.
      const isGivenBack = outcomes.some(({ charges, outcome }) => {
        const told = outcome?.decisions ?? [];
        return charges.length === 2 && told[0]?.allowed === true && told[1]?.allowed === false;
      });
      expect(isGivenBack).toBe(true);
      expect(charged.address).toBeLessThanOrEqual(LIMITS.address);
      expect(charged.user).toBeLessThanOrEqual(LIMITS.user);
      const left = await backends[0]?.peek([
        { ...address, cost: 0 },
        { ...user, cost: 0 },
      ]);
      expect(left?.decisions.map(({ remaining }) => remaining)).toEqual([
        LIMITS.address - charged.address,
        LIMITS.user - charged.user,
      ]);
      const rest = [
        { ...address, cost: LIMITS.address - charged.address },
        { ...user, cost: LIMITS.user - charged.user },
      ];
      expect((await backends[1]?.spend(rest.map((charge) => ({ ...charge, cost: charge.cost + 1 }))))?.allowed).toBe(
        false,
      );
      expect((await backends[2]?.spend(rest))?.allowed).toBe(true);
    },
  );
});
