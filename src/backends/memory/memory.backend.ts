import { type Clock, systemClock } from '../../core/clock.js';
import { bindingOf, type Charge, type Outcome, type Receipt } from '../../core/decision.js';
import { Emitter } from '../../core/emitter.js';
import { invalidValue, ThrottleConfigError } from '../../core/errors.js';
import { mapKey } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import { BUILT_IN_STRATEGIES } from '../../strategies/built-in-strategies.js';
import type { State, StepResult, Strategy } from '../../strategies/strategy.js';
import { type Backend, type Target, unknownStrategy } from '../backend.js';
import type { BackendEvent } from '../backend-events.js';
import { assertSettlement } from '../settlement.js';
import { assertChargeable, spendFast } from './fast-path.js';
import { MemoryStore, type Slot } from './memory-store.js';

export interface MemoryBackendOptions {
  /** Where the instant comes from. Default: the system's, monotonic. */
  readonly clock?: Clock;
  /** Subjects remembered at most, over all policies, at least 1. Default: 1 000 000. */
  readonly maxKeys?: number;
}

/** A charge on its way: the slot it is on, the state found there, the units asked of it so far, and what it would leave. */
interface Draft {
  readonly charge: Charge;
  readonly slot: Slot;
  readonly found: State;
  readonly total: number;
  readonly result: StepResult;
}

/**
 * Keeps state in this process. Synchronous: returns values and not promises.
 * When `maxKeys` is reached, expired subjects go first; if none has, new subjects share one overflow budget a policy.
 *
 * @throws ThrottleConfigError for an option that does not fit
 * @example
 * const backend = new MemoryBackend({ maxKeys: 100_000 });
 */
export class MemoryBackend implements Backend {
  readonly clock: Clock;
  readonly #store: MemoryStore;
  readonly #strategies = new Map<string, Strategy>(BUILT_IN_STRATEGIES.map((strategy) => [strategy.name, strategy]));
  readonly #events = new Emitter<BackendEvent>();

  constructor({ clock = systemClock, maxKeys = 1_000_000 }: MemoryBackendOptions = {}) {
    if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
      throw invalidValue('MemoryBackend: maxKeys', 'a whole number of at least 1', maxKeys);
    }
    this.clock = clock;
    this.#store = new MemoryStore(
      clock,
      maxKeys,
      (policy) => this.#strategy(policy),
      (event) => this.#events.emit(event),
    );
  }

  spend(charges: readonly Charge[]): Outcome {
    const now = this.clock.now();
    const known = spendFast(this.#store, charges, now);
    if (known !== undefined) return known;
    const drafts = this.#draft(charges, now);
    const outcome = this.#conclude(drafts, now);
    if (!outcome.allowed || charges.every(({ cost }) => cost === 0)) return outcome;
    for (const { charge, slot, result } of drafts) {
      if (charge.cost > 0) this.#store.write(slot, result.state, now + result.decision.resetMs);
    }
    return { ...outcome, receipt: { at: now, charges } };
  }

  peek(charges: readonly Charge[]): Outcome {
    const now = this.clock.now();
    return this.#conclude(this.#draft(charges, now), now);
  }

  settle(receipt: Receipt, costs: readonly number[]): void {
    assertSettlement(receipt, costs);
    const now = this.clock.now();
    receipt.charges.forEach(({ policy, subject, cost }, i) => {
      const shelf = this.#store.shelfOf(policy);
      // A charge on the overflow budget stays: whose it was is not known any more.
      const cell = shelf.find(mapKey(subject));
      const to = costs[i] ?? cost;
      if (to === cost || cell === undefined) return;
      const amended = shelf.strategy.amend(shelf.cells.read(cell), now, policy, receipt.at, cost, to);
      if (amended.length === 0) this.#store.remove(policy, subject);
      else shelf.cells.write(cell, amended, shelf.cells.expiresAt(cell));
    });
  }

  reset(targets: readonly Target[]): void {
    for (const { policy, subject } of targets) this.#store.remove(policy, subject);
  }

  use(strategies: readonly Strategy[]): void {
    for (const strategy of strategies) {
      const known = this.#strategies.get(strategy.name);
      if (known !== undefined && known !== strategy) {
        throw new ThrottleConfigError(
          `MemoryBackend: there is a strategy "${strategy.name}" already. Give yours another name.`,
        );
      }
      this.#strategies.set(strategy.name, strategy);
    }
  }

  listen(listener: (event: BackendEvent) => void): void {
    this.#events.listen(listener);
  }

  /** Stops the sweep; a later charge starts it again. */
  async close(): Promise<void> {
    this.#store.close();
  }

  /** Subjects remembered, over all policies. */
  get size(): number {
    return this.#store.size;
  }

  #draft(charges: readonly Charge[], now: number): readonly Draft[] {
    for (const { cost, policy } of charges) assertChargeable(cost, policy);
    const drafts: Draft[] = [];
    for (const charge of charges) drafts.push(this.#next(drafts, charge, now));
    return drafts;
  }

  #next(drafts: readonly Draft[], charge: Charge, now: number): Draft {
    const { policy, subject, cost } = charge;
    const { id, shape } = policy;
    const twin = drafts.find(
      ({ charge: { policy: other, subject: who } }) => other.id === id && other.shape === shape && who === subject,
    );
    const slot = twin?.slot ?? this.#store.claim(policy, subject, now, drafts);
    const before = drafts.findLast((draft) => draft.charge.cost > 0 && isSame(draft.slot, slot));
    const { strategy } = slot.shelf;
    if (before === undefined) {
      const found = this.#store.read(slot);
      return { charge, slot, found, total: cost, result: strategy.step(found, now, policy, cost) };
    }
    // A further charge on a key of this call. Where they are too much together, the answer is that to their sum.
    const { found } = before;
    const total = Math.min(before.total + cost, Number.MAX_SAFE_INTEGER);
    const further = strategy.step(before.result.state, now, policy, cost);
    const fits = before.result.decision.allowed && further.decision.allowed;
    const result = fits || cost === 0 ? further : strategy.step(found, now, policy, total);
    return { charge, slot, found, total, result };
  }

  #conclude(drafts: readonly Draft[], now: number): Outcome {
    const allowed = drafts.every(({ result }) => result.decision.allowed);
    const decisions = drafts.map(({ result, found, slot, charge: { policy } }) =>
      allowed || !result.decision.allowed ? result.decision : slot.shelf.strategy.step(found, now, policy, 0).decision,
    );
    return { allowed, decisions, binding: bindingOf(decisions) };
  }

  #strategy(policy: Policy): Strategy {
    const found = this.#strategies.get(policy.strategy);
    if (found === undefined) throw unknownStrategy(policy);
    return found;
  }
}

/** Whether two charges of a call are counted together. */
function isSame(a: Slot, b: Slot): boolean {
  return a === b || (a.isShared && b.isShared && a.shelf === b.shelf);
}
