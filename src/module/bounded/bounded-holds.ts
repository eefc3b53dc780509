import type { HoldEnd, HoldReference, HoldRequest, HoldStore } from '../../backends/hold-store.js';
import type { UnitReturns } from '../../backends/unit-returns.js';
import type { Awaitable } from '../../core/awaitable.js';
import type { Charge, Decision, Outcome } from '../../core/decision.js';
import type { AnswerDeadlines } from './answer-deadlines.js';

/**
 * Adds deadlines to a backend's holds. Holds that are taken after the deadline are ended, and their charges are
 * returned.
 */
export class BoundedHolds implements HoldStore {
  constructor(
    private readonly inner: HoldStore,
    private readonly deadlines: AnswerDeadlines,
    private readonly returns: UnitReturns,
  ) {}

  take(holds: readonly HoldRequest[], charges: readonly Charge[]): Awaitable<Outcome> {
    const giveBack = ({ allowed, receipt }: Outcome) => {
      if (!allowed) return;
      if (receipt !== undefined) void this.returns.start(receipt);
      void this.#endLate(holds);
    };
    return this.deadlines.boundTaking(this.inner.take(holds, charges), 'holds.take', [...holds, ...charges], giveBack);
  }

  peek(holds: readonly HoldRequest[], charges: readonly Charge[]): Awaitable<Outcome> {
    return this.deadlines.bound(this.inner.peek(holds, charges), 'holds.peek', [...holds, ...charges]);
  }

  extend(holds: readonly HoldReference[], ttlMs: number): Awaitable<readonly boolean[]> {
    return this.deadlines.bound(this.inner.extend(holds, ttlMs), 'holds.extend', holds);
  }

  grow(hold: HoldReference, units: number): Awaitable<Decision | undefined> {
    return this.deadlines.bound(this.inner.grow(hold, units), 'holds.grow', [hold]);
  }

  end(holds: readonly HoldEnd[]): Awaitable<readonly boolean[]> {
    return this.deadlines.bound(this.inner.end(holds), 'holds.end', holds);
  }

  /** Ends late holds. Never rejects: holds that cannot be ended expire. */
  async #endLate(holds: readonly HoldRequest[]): Promise<void> {
    try {
      await this.inner.end(holds.map((hold) => ({ ...hold, units: 0 })));
    } catch {}
  }
}
