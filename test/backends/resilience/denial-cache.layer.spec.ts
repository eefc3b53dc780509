import { beforeEach, describe, expect, it } from '@jest/globals';
import { DenialCache } from '../../../src/backends/resilience/denial-cache.js';
import { DenialCacheLayer } from '../../../src/backends/resilience/denial-cache.layer.js';
import { type Charge, definePolicy, ManualClock, MemoryBackend, type Outcome } from '../../../src/index.js';
import { START } from '../../support/http-app.js';

const policy = definePolicy('p', { rate: '2/min', strategy: 'sliding-log' });
const ada = (cost = 1): readonly Charge[] => [{ policy, subject: 'ada', cost }];

/** A memory backend that counts how often it decides. */
class CountingBackend extends MemoryBackend {
  spent = 0;

  override spend(charges: readonly Charge[]): Outcome {
    this.spent += 1;
    return super.spend(charges);
  }
}

describe('a denial cache over a backend', () => {
  let clock: ManualClock;
  let inner: CountingBackend;
  let layer: DenialCacheLayer;

  beforeEach(() => {
    clock = new ManualClock(START);
    inner = new CountingBackend({ clock });
    layer = new DenialCacheLayer(inner, new DenialCache(1000, 100, clock));
  });

  const deny = () => {
    const outcomes = [1, 2, 3].map(() => layer.spend(ada()));
    expect(outcomes).toMatchObject([{ allowed: true }, { allowed: true }, { allowed: false }]);
    expect(inner.spent).toBe(3);
    return outcomes;
  };

  it('answers a call that is known to be denied', () => {
    deny();
    clock.advance(999);
    expect(layer.spend(ada())).toEqual(inner.peek(ada()));
    expect(inner.spent).toBe(3);
    clock.advance(1);
    layer.spend(ada());
    expect(inner.spent).toBe(4);
  });

  it('leaves peeks to the backend', () => {
    deny();
    inner.reset(ada());
    expect(layer.peek(ada())).toMatchObject({ allowed: true });
  });

  it('leaves an invalid cost to the backend, though a lower one is known to be denied', () => {
    deny();
    expect(() => layer.spend(ada(1.5))).toThrow(RangeError);
  });

  it.each<readonly [string, (taken: Outcome) => unknown]>([
    ['reset', () => layer.reset(ada())],
    ['refund', ({ receipt = { at: 0, charges: [] } }) => layer.settle(receipt, [0])],
  ])('asks the backend again after a %s', (_, free) => {
    const [taken] = deny();
    if (taken === undefined || taken instanceof Promise) throw new Error('expected an outcome');
    free(taken);
    expect(layer.spend(ada())).toMatchObject({ allowed: true });
  });

  it('does not cache a denial that was asked for before a reset', async () => {
    let answer = (_: Outcome) => {};
    const slow = new DenialCacheLayer(
      {
        spend: () =>
          new Promise<Outcome>((resolve) => {
            answer = resolve;
          }),
        peek: (charges) => inner.peek(charges),
        settle: () => undefined,
        reset: () => undefined,
      },
      new DenialCache(1000, 100, clock),
    );
    deny();
    const denied = inner.spend(ada());
    for (const isReset of [true, false]) {
      const call = slow.spend(ada());
      expect(call).toBeInstanceOf(Promise);
      if (isReset) slow.reset(ada());
      answer(denied);
      expect(await call).toBe(denied);
    }
    // Only the second answer was cached.
    expect(slow.spend(ada())).toEqual(denied);
  });
});
