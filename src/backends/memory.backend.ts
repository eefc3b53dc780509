import { type Clock, systemClock } from '../core/clock.js';
import { assertCost, bindingOf, type Charge, type Outcome, type Receipt } from '../core/decision.js';
import { misfit, ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import { BUILTIN } from '../strategies/builtin.js';
import type { State, StepResult, Strategy } from '../strategies/strategy.js';
import { assertSettlement, type Backend, type BackendEvent, type Target } from './backend.js';
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

const EMPTY: State = [];
const NONE: readonly Draft[] = [];

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
  readonly #strategies = new Map<string, Strategy>(BUILTIN.map((strategy) => [strategy.name, strategy]));
  readonly #listeners: ((event: BackendEvent) => void)[] = [];

  constructor({ clock = systemClock, maxKeys = 1_000_000 }: MemoryBackendOptions = {}) {
    if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
      throw misfit('MemoryBackend: maxKeys', 'a whole number of at least 1', maxKeys);
    }
    this.clock = clock;
    this.#store = new MemoryStore(clock, maxKeys, (event) => this.#tell(event));
  }

  spend(charges: readonly Charge[]): Outcome {
    const now = this.clock.now();
    const [only] = charges;
    if (only !== undefined && charges.length === 1) return this.#spendOne(only, charges, now);
    const drafts = this.#draft(charges, now);
    const outcome = this.#conclude(drafts, now);
    if (!outcome.allowed || charges.every(({ cost }) => cost === 0)) return outcome;
    for (const { charge, slot, result } of drafts) {
      if (charge.cost > 0) this.#store.write(slot, charge.policy, result.state, now + result.decision.resetMs);
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
      // A charge on the overflow budget stays: whose it was is not known any more.
      const entry = this.#store.find(policy, subject);
      const to = costs[i] ?? cost;
      if (to === cost || entry === undefined || entry.shape !== policy.shape) return;
      entry.state = this.#strategy(policy).amend(entry.state, now, policy, receipt.at, cost, to);
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
    this.#listeners.push(listener);
  }

  /** Stops the sweep; a later charge starts it again. */
  async close(): Promise<void> {
    this.#store.close();
  }

  /** Subjects remembered, over all policies. */
  get size(): number {
    return this.#store.size;
  }

  /** What `spend` comes to for the one charge that most calls are. */
  #spendOne({ policy, subject, cost }: Charge, charges: readonly Charge[], now: number): Outcome {
    assertCost(cost, `a charge of "${policy.name}"`);
    const slot = this.#store.claim(policy, subject, now, NONE);
    const found = slot.entry.shape === policy.shape ? slot.entry.state : EMPTY;
    const { state, decision } = this.#strategy(policy).step(found, now, policy, cost);
    const { allowed } = decision;
    if (!allowed || cost === 0) return { allowed, decisions: [decision], binding: decision };
    this.#store.write(slot, policy, state, now + decision.resetMs);
    return { allowed, decisions: [decision], binding: decision, receipt: { at: now, charges } };
  }

  #draft(charges: readonly Charge[], now: number): readonly Draft[] {
    for (const { cost, policy } of charges) assertCost(cost, `a charge of "${policy.name}"`);
    const drafts: Draft[] = [];
    for (const charge of charges) drafts.push(this.#next(drafts, charge, now));
    return drafts;
  }

  #next(drafts: readonly Draft[], charge: Charge, now: number): Draft {
    const { policy, subject, cost } = charge;
    const twin = drafts.find((draft) => draft.charge.policy.id === policy.id && draft.charge.subject === subject);
    const slot = twin?.slot ?? this.#store.claim(policy, subject, now, drafts);
    const before = drafts.findLast((draft) => draft.slot.entry === slot.entry && follows(charge, draft.charge));
    const strategy = this.#strategy(policy);
    if (before === undefined) {
      const found = slot.entry.shape === policy.shape ? slot.entry.state : EMPTY;
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
    const decisions = drafts.map(({ result, found, charge: { policy } }) =>
      allowed || !result.decision.allowed
        ? result.decision
        : this.#strategy(policy).step(found, now, policy, 0).decision,
    );
    return { allowed, decisions, binding: bindingOf(decisions) };
  }

  #strategy({ strategy, name }: Policy): Strategy {
    const found = this.#strategies.get(strategy);
    if (found !== undefined) return found;
    throw new ThrottleConfigError(
      `policy "${name}": the backend does not know the strategy "${strategy}". Give it to backend.use([...]), or to the module's \`strategies\`.`,
    );
  }

  #tell(event: BackendEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** Whether a charge sees what one before it on the same entry takes: it reads that state, and that one writes it. */
function follows({ policy }: Charge, before: Charge): boolean {
  return before.cost > 0 && before.policy.shape === policy.shape;
}
