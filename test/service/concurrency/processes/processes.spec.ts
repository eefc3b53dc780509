import { describe, expect, it } from '@jest/globals';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { until } from '../../../support/wait-until.js';
import { PermitFleet } from './permit-fleet.js';

/**
 * Longer than the stall of a process on a loaded machine: if permits expired in the meantime, others could take them.
 */
const TTL_MS = 1500;

describe('permits of two processes on Redis', () => {
  const redis = ownRedis();

  it('are never more than the limit, and those of a process that is killed expire', async () => {
    const task = { port: redis.server.port, limit: 2, ttlMs: TTL_MS, subjects: 3, callers: 6 };
    const fleet = new PermitFleet(task, redis.client);
    try {
      fleet.start();
      fleet.start();
      await until(() => fleet.totals.runs >= 100 && fleet.totals.denials > 0);
      await fleet.killAll();
      await until(async () => (await fleet.held()) === 0);
      // A process that was stalled for longer than its permits last has lost them.
      if (fleet.totals.lost === 0) expect(fleet.excess).toEqual([]);
      expect(fleet.errors).toEqual([]);
    } finally {
      await fleet.killAll();
    }
  });
});
