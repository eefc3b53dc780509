import type { Awaitable } from '../../../core/awaitable.js';
import { type Charge, type Decision, NOTHING_TO_CHARGE, type Outcome } from '../../../core/decision.js';
import type { HoldEnd, HoldReference, HoldRequest, HoldStore } from '../../hold-store.js';
import type { RemoteHolds } from '../../remote-store.js';

/** Remote holds with a deadline for each call. */
export class TimedHolds implements HoldStore {
  /** @param dueMs returns the deadline of a call that begins now */
  constructor(
    private readonly remote: RemoteHolds,
    private readonly dueMs: () => number,
  ) {}

  take(holds: readonly HoldRequest[], charges: readonly Charge[]): Awaitable<Outcome> {
    if (holds.length === 0 && charges.length === 0) return NOTHING_TO_CHARGE;
    return this.remote.take(holds, charges, this.dueMs());
  }

  peek(holds: readonly HoldRequest[], charges: readonly Charge[]): Awaitable<Outcome> {
    if (holds.length === 0 && charges.length === 0) return NOTHING_TO_CHARGE;
    return this.remote.peek(holds, charges, this.dueMs());
  }

  extend(holds: readonly HoldReference[], ttlMs: number): Promise<readonly boolean[]> {
    return this.remote.extend(holds, ttlMs, this.dueMs());
  }

  grow(hold: HoldReference, units: number): Promise<Decision | undefined> {
    return this.remote.grow(hold, units, this.dueMs());
  }

  end(holds: readonly HoldEnd[]): Promise<readonly boolean[]> {
    return this.remote.end(holds, this.dueMs());
  }
}
