import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { oneMasterFrozen, resharded } from '../../../support/redis/fault-masters.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { RedisCluster } from '../../../support/redis/redis.js';

describe('a Cluster of three masters', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await RedisCluster.start(0);
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  it('decides calls on two masters while the third stands still, and reports only that one', async () => {
    const { healthy, fellBack, frozen, frozenFellBack, events, domain } = await oneMasterFrozen(cluster, 500);
    expect(healthy).toBeGreaterThan(200);
    expect(fellBack).toBe(0);
    expect(frozen).toBeGreaterThan(0);
    expect(frozenFellBack).toBeGreaterThan(0);
    expect(events).toEqual([
      { type: 'degraded', code: 'TIMEOUT', domain, unavailable: [domain], of: 3 },
      { type: 'recovered', domain, unavailable: [], of: 3 },
    ]);
  });

  it('decides all calls while slots move from master to master, and charges each once', async () => {
    const { fellBack, events, difference, whileMoving } = await resharded(cluster, 6, PATIENT_MS);
    expect(whileMoving).toBeGreaterThan(20);
    expect({ fellBack, events, difference }).toEqual({ fellBack: 0, events: [], difference: 0 });
  });
});
