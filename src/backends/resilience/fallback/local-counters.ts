import type { Clock } from '../../../core/clock.js';
import type { Charge, Decision, Outcome, Receipt, TakenCharge } from '../../../core/decision.js';
import { ThrottleConfigError } from '../../../core/errors.js';
import type { Policy } from '../../../core/policy.js';
import { isOriginal, receiptOf } from '../../../core/receipt.js';
import type { Strategy } from '../../../strategies/strategy.js';
import type { Target } from '../../backend.js';
import type { SynchronousHoldStore } from '../../hold-store.js';
import { MemoryBackend } from '../../memory/memory.backend.js';
import { LastRates } from '../../overrides/last-rates.js';
import { decideOverridden, hasOverrides } from '../../overrides/overridden-call.js';
import { OverriddenPolicies } from '../../overrides/overridden-policy.js';
import type { DecideMode } from '../../remote-store.js';
import { CounterClock } from './counter-clock.js';
import { OwedBudgets } from './owed-budgets.js';
import type { PolicyShares } from './policy-shares.js';

/**
 * Strategies that forget a charge after a fixed time, even if other charges follow. The deficit of a bucket may last
 * for ever.
 */
const WINDOWED = ['fixed-window', 'sliding-window', 'sliding-log', 'calendar'];

/**
 * The counters that decide while the backend is unavailable. They count everything that this process has seen admitted,
 * by the backend and by itself. So one process never admits more than a limit, and n processes never more than n times
 * the limit.
 *
 * The backend does not learn what was admitted here, and may have lost counters itself. So after an outage, a charge
 * has to pass both until its counter here is empty. All other charges are only counted.
 */
export class LocalCounters {
  readonly #clock: CounterClock;
  readonly #memory: MemoryBackend;
  readonly #owed = new OwedBudgets();
  readonly #lastRates = new LastRates();
  readonly #overridden = new OverriddenPolicies();
  /** Receipts of the backend that have been settled here. */
  readonly #settled = new WeakSet<Receipt>();
  /** When an outage last ended. */
  #recoveredMs = Number.NEGATIVE_INFINITY;
  #hasRecovered = false;

  constructor(
    clock: Clock,
    private readonly shares: PolicyShares,
  ) {
    this.#clock = new CounterClock(clock);
    this.#memory = new MemoryBackend({ clock: this.#clock });
  }

  /** Decides a call that the backend could not decide, under the shares of this process. */
  decide(charges: readonly Charge[], mode: DecideMode): Outcome {
    const local = charges.map((charge) => this.#localOf(charge));
    const outcome = this.#decideLocal(local, mode, true);
    if (outcome.receipt !== undefined) this.owe(local, outcome.decisions);
    return outcome;
  }

  /** Notes that the backend does not know of the units that were taken here for these charges. */
  owe(charges: readonly Charge[], decisions: readonly Decision[]): void {
    const now = this.#clock.now();
    for (const [i, charge] of charges.entries()) {
      if (charge.cost > 0) this.#owed.add(charge, now + (decisions[i]?.resetMs ?? 0), now);
    }
  }

  /** The holds of this process, decided together with charges on these counters. */
  get holds(): SynchronousHoldStore {
    return this.#memory.holds;
  }

  /** True if the backend may not know of units that count here: calls on their budgets have to pass both. */
  get isOwing(): boolean {
    return this.#hasRecovered || !this.#owed.isEmpty;
  }

  /**
   * Counts what the backend has decided. Returns the denial of a call that has to pass here, too, and does not: then
   * nothing of it is counted here, and the backend is to get its units back.
   */
  admit(charges: readonly Charge[], outcome: Outcome): Outcome | undefined {
    const { receipt } = outcome;
    if (receipt === undefined) return undefined;
    // The usual case, written for speed: no closure, no outcome, no copy of a charge.
    if (!this.isOwing) {
      this.#count(receipt);
      return undefined;
    }
    this.#clock.at = receipt.at;
    try {
      return this.#admitAt(charges, receipt);
    } finally {
      this.#clock.at = undefined;
    }
  }

  /** Decides charges under the rates of the backend's last replies. */
  underLastRates(charges: readonly Charge[], decide: (limited: readonly Charge[]) => Outcome): Outcome {
    if (!hasOverrides(charges)) return decide(charges);
    return decideOverridden(charges, (charge) => this.#lastRates.of(charge), this.#overridden, decide);
  }

  /** Notes the rates under which the backend decided: they count while it is unavailable. */
  noteRates(charges: readonly Charge[], outcome: Outcome): void {
    if (hasOverrides(charges)) this.#lastRates.note(charges, outcome);
  }

  /**
   * Notes the blocks in the backend's decisions. While the backend is unavailable they apply, until the time after
   * which the client may retry.
   */
  noteBlocks(charges: readonly Charge[], decisions: readonly Decision[]): void {
    for (let i = 0; i < charges.length; i++) {
      const charge = charges[i] as Charge;
      if (charge.policy.block === undefined) continue;
      const decision = decisions[i];
      if (decision?.reason !== 'blocked' || decision.retryAfterMs === null) continue;
      this.noteBlock(charge, decision.retryAfterMs, decision.startedBlock?.strikes);
    }
  }

  /** Notes a block of the backend. */
  noteBlock(target: Target, forMs: number, strikes?: number): void {
    if (this.#isLocal(target)) this.#memory.noteBlock(target, forMs, strikes);
  }

  /** Ends a block here, and forgets its strikes. */
  forgetBlock(target: Target): void {
    if (target.policy.block !== undefined) void this.#memory.blocks.deleteBlock(target);
  }

  /** Returns the denial of a call that has to pass here, too, and would not. Writes nothing. */
  denialOf(charges: readonly Charge[]): Outcome | undefined {
    if (!this.#isAnyOwed(charges)) return undefined;
    const local = charges.map((charge) => this.#localOf(charge));
    const outcome = this.#decideLocal(local, 'peek');
    return outcome.allowed || !this.#mustPass(local, outcome) ? undefined : outcome;
  }

  /** Settles what was admitted here. */
  settle(receipt: Receipt, costs: readonly number[]): void {
    this.#memory.settle(receipt, costs);
  }

  /** Settles what the backend admitted, as far as it counts here, once. */
  settleCounted(receipt: Receipt, costs: readonly number[]): void {
    if (!isOriginal(receipt) || this.#settled.has(receipt)) return;
    this.#settled.add(receipt);
    const { at, charges, instants } = receipt;
    const to = charges.map((charge, i) => (this.#isLocal(charge) ? (costs[i] ?? charge.cost) : charge.cost));
    this.#memory.settle(receiptOf(at, charges, instants && { instants }), to);
  }

  /** Gives units back here, too. */
  credit(charges: readonly TakenCharge[]): void {
    this.#memory.credit(charges);
  }

  reset(targets: readonly Target[]): void {
    this.#memory.reset(targets);
    for (const target of targets) this.#owed.delete(target);
  }

  /** Notes that an outage is over. */
  recovered(): void {
    this.#recoveredMs = this.#clock.now();
    this.#hasRecovered = true;
  }

  announce(policies: readonly Policy[]): void {
    this.#memory.announce(policies);
  }

  use(strategies: readonly Strategy[]): void {
    this.#memory.use(strategies);
  }

  close(): Promise<void> {
    return this.#memory.close();
  }

  #admitAt(charges: readonly Charge[], receipt: Receipt): Outcome | undefined {
    // Once no unit of the outage counts any more, a call costs as little as before the outage.
    if (!this.#isAnyOwed(charges)) {
      this.#count(receipt);
      return undefined;
    }
    const local = charges.map((charge) => this.#localOf(charge));
    const outcome = this.#decideLocal(local, 'spend');
    if (outcome.allowed) this.#extend(local, outcome);
    else if (this.#mustPass(local, outcome)) return outcome;
    else this.#count(receipt);
    return undefined;
  }

  /**
   * Counts what the backend admitted, charge by charge: in full, also if the counters here would not have admitted it.
   * They may be ahead of those of the backend, because other processes gave units back.
   */
  #count({ at, charges, instants }: Receipt): void {
    for (let i = 0; i < charges.length; i++) {
      const charge = charges[i] as TakenCharge;
      if (!this.#isLocal(charge)) continue;
      const instant = instants === undefined ? at : (instants[i] ?? at);
      if (charge.policy.lease === undefined) this.#clock.note(instant);
      if (!this.#memory.take(charge, instant)) this.#countSlowly(charge, instant);
    }
  }

  #countSlowly(taken: TakenCharge, instant: number): void {
    const { rate, overriddenBy: _, unlimited: __, mode, ...others } = taken;
    if (rate === 'unlimited' || others.cost === 0) return;
    const policy = this.#overridden.of(others.policy, rate);
    const charge = { ...others, policy };
    this.#clock.at = instant;
    try {
      // The backend has admitted the subject, so a block that was noted here is over.
      if (policy.block !== undefined && mode !== 'record') this.#memory.noteBlock(charge, 0);
      // A denial here would count towards a block, so `spend` is not called for policies with blocks.
      if (mode !== 'record' && policy.block === undefined && this.#memory.spend([charge]).allowed) return;
      // A leased charge cannot be recorded. Its units are of one window, and never exceed the limit there.
      if (policy.lease === undefined) this.#memory.spend([{ ...charge, mode: 'record' }]);
    } catch (error) {
      // A custom strategy need not record: its counter is at the limit already.
      if (!(error instanceof ThrottleConfigError)) throw error;
    } finally {
      this.#clock.at = undefined;
    }
  }

  /** @param isShared true if this process enforces its share of each limit instead of the whole */
  #decideLocal(charges: readonly Charge[], mode: DecideMode, isShared = false): Outcome {
    const decide = (limited: readonly Charge[]) => this.#memory[mode](isShared ? limited.map(this.#sharedOf) : limited);
    return !isShared && !hasOverrides(charges) ? this.#memory[mode](charges) : this.underLastRates(charges, decide);
  }

  readonly #sharedOf = (charge: Charge): Charge => {
    const shared = this.shares.shareOf(charge.policy);
    return shared === charge.policy ? charge : { ...charge, policy: shared };
  };

  /** Extends the debt of buckets after a charge that passed both: it lasts until their deficit is 0. */
  #extend(charges: readonly Charge[], { decisions }: Outcome): void {
    const now = this.#clock.now();
    for (const [i, charge] of charges.entries()) {
      if (charge.cost === 0 || WINDOWED.includes(charge.policy.strategy) || !this.#isOwed(charge)) continue;
      this.#owed.add(charge, now + (decisions[i]?.resetMs ?? 0), now);
    }
  }

  /** Returns true if one of the charges that are denied has a counter with units that the backend may not know of. */
  #mustPass(charges: readonly Charge[], { decisions }: Outcome): boolean {
    return decisions.some(({ allowed, mode }, i) => {
      const charge = charges[i];
      return !allowed && mode === undefined && charge !== undefined && this.#isOwed(charge);
    });
  }

  /** Returns true if the budget may have units that the backend does not know of. */
  #isOwed(charge: Charge): boolean {
    const now = this.#clock.now();
    const { limit, periodMs, burst } = charge.policy;
    // After an outage, every unit that was counted before its end and still counts. A sliding window lasts a segment
    // longer than its period.
    return now - this.#recoveredMs < 2 * Math.max(periodMs, (burst * periodMs) / limit) || this.#owed.has(charge, now);
  }

  #isAnyOwed(charges: readonly Charge[]): boolean {
    for (const charge of charges) if (this.#isLocal(charge) && this.#isOwed(charge)) return true;
    return false;
  }

  #isLocal({ policy }: Target): boolean {
    return this.shares.modeOf(policy) === 'local';
  }

  /** Returns a charge as it counts here: policies with another failure mode are read at cost 0. */
  #localOf(charge: Charge): Charge {
    return this.#isLocal(charge) ? charge : { ...charge, cost: 0 };
  }
}
