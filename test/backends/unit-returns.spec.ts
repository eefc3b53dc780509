import { describe, expect, it } from '@jest/globals';
import { MemoryBackend } from '../../src/backends/memory/memory.backend.js';
import { UnitReturns } from '../../src/backends/unit-returns.js';
import { ManualClock } from '../../src/core/clock.js';
import type { Receipt } from '../../src/core/decision.js';
import { definePolicy } from '../../src/strategies/define-policy.js';

const policy = definePolicy('p', { rate: '10/min', strategy: 'fixed-window' });

/** A memory backend whose refunds take until they are let through. */
class SlowBackend extends MemoryBackend {
  readonly #waiting: ((error?: Error) => void)[] = [];
  refunds = 0;

  override async settle(receipt: Receipt, costs: readonly number[]): Promise<void> {
    this.refunds += 1;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push((error) => (error === undefined ? resolve() : reject(error)));
    });
    super.settle(receipt, costs);
  }

  release(error?: Error): void {
    for (const settle of this.#waiting.splice(0)) settle(error);
  }
}

describe('returns of units', () => {
  const open = () => {
    const backend = new SlowBackend({ clock: new ManualClock(0) });
    const take = (cost: number) => backend.spend([{ policy, subject: 'ada', cost }]).receipt ?? { at: 0, charges: [] };
    const remaining = () => backend.peek([{ policy, subject: 'ada', cost: 0 }]).decisions[0]?.remaining;
    return { backend, take, remaining, returns: new UnitReturns(backend) };
  };

  it('return everything that a receipt contains', async () => {
    const { backend, take, remaining, returns } = open();
    const [first, second] = [take(3), take(4)];
    expect(remaining()).toBe(3);
    const returned = returns.start(first);
    backend.release();
    await returned;
    expect(remaining()).toBe(6);
    void returns.start(second);
    backend.release();
    await returns.whenIdle();
    expect(remaining()).toBe(10);
  });

  it('are not repeated after a failure, and never reject', async () => {
    const { backend, take, remaining, returns } = open();
    const returned = returns.start(take(3));
    backend.release(new Error('unavailable'));
    await returned;
    await returns.whenIdle();
    expect([backend.refunds, remaining()]).toEqual([1, 7]);
  });

  it('do not call the backend if nothing was taken', async () => {
    const { backend, returns } = open();
    await returns.start({ at: 0, charges: [] });
    await returns.whenIdle();
    expect(backend.refunds).toBe(0);
  });

  it('are idle when the last one has ended, including those that begin in the meantime', async () => {
    const { backend, take, returns } = open();
    const order: string[] = [];
    const [first, second] = [take(1), take(1)];
    void returns.start(first).then(() => {
      order.push('first');
      void returns.start(second).then(() => order.push('second'));
      backend.release();
    });
    const idle = returns.whenIdle().then(() => order.push('idle'));
    backend.release();
    await idle;
    expect(order).toEqual(['first', 'second', 'idle']);
  });
});
