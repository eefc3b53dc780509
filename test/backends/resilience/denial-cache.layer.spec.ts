import { beforeEach, describe, expect, it } from '@jest/globals';
import { DenialCache } from '../../../src/backends/resilience/denial-cache.js';
import { DenialCacheLayer } from '../../../src/backends/resilience/denial-cache.layer.js';
import { RemoteBackend } from '../../../src/backends/resilience/remote.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import type { Charge, Outcome } from '../../../src/core/decision.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { START } from '../../support/start-time.js';
import { GRANT, RemoteMemory } from './remote-memory.js';

const policy = definePolicy('p', { rate: '2/min', strategy: 'sliding-log' });
const ada = (cost = 1): readonly Charge[] => [{ policy, subject: 'ada', cost }];

describe('a denial cache over a remote backend', () => {
  let clock: ManualClock;
  let store: RemoteMemory;
  let layer: DenialCacheLayer;

  beforeEach(() => {
    clock = new ManualClock(START);
    store = new RemoteMemory(clock);
    layer = new DenialCacheLayer(new RemoteBackend(store, 1000), new DenialCache(1000, 100, clock));
  });

  const asked = () => store.deadlines.filter(([method]) => method === 'spend').length;

  /** Spends until the third call is denied. Returns the first outcome. */
  const deny = async () => {
    const outcomes = [await layer.spend(ada()), await layer.spend(ada()), await layer.spend(ada())] as const;
    expect(outcomes).toMatchObject([{ allowed: true }, { allowed: true }, { allowed: false }]);
    expect(asked()).toBe(3);
    return outcomes[0];
  };

  it('denies a call with a known denial at once', async () => {
    await deny();
    clock.advance(999);
    expect(layer.spend(ada())).toEqual(store.memory.peek(ada()));
    expect(asked()).toBe(3);
    clock.advance(1);
    await layer.spend(ada());
    expect(asked()).toBe(4);
  });

  it('leaves peeks to the backend', async () => {
    await deny();
    store.memory.reset(ada());
    expect(await layer.peek(ada())).toMatchObject({ allowed: true });
  });

  it('leaves an invalid cost to the backend, even if a lower one is known to be denied', async () => {
    await deny();
    await expect(layer.spend(ada(1.5))).rejects.toThrow(RangeError);
  });

  it('leases from the backend', async () => {
    expect(await layer.lease({ policy, subject: 'ada' }, 1)).toBe(GRANT);
  });

  it.each<readonly [string, (taken: Outcome) => unknown]>([
    ['reset', () => layer.reset(ada())],
    ['refund', ({ receipt = { at: 0, charges: [] } }) => layer.settle(receipt, [0])],
  ])('calls the backend again after a %s', async (_, free) => {
    await free(await deny());
    expect(await layer.spend(ada())).toMatchObject({ allowed: true });
  });

  it('does not cache a denial that was requested before a reset', async () => {
    for (let i = 0; i < 2; i++) store.memory.spend(ada());
    for (const [isReset, calls] of [
      [true, 1],
      [false, 2],
    ] as const) {
      const call = layer.spend(ada());
      if (isReset) {
        await layer.reset(ada());
        for (let i = 0; i < 2; i++) store.memory.spend(ada());
      }
      expect(await call).toMatchObject({ allowed: false });
      expect(asked()).toBe(calls);
    }
    // Only the second answer was cached.
    expect(layer.spend(ada())).toMatchObject({ allowed: false });
    expect(asked()).toBe(2);
  });
});
