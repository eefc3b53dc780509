import type { Clock } from '../../core/clock.js';
import { bindingOf, type Charge, type Decision, isMonitored, type Outcome } from '../../core/decision.js';
import { mapKey } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import { concurrency } from '../../strategies/held/concurrency.js';
import type { State } from '../../strategies/strategy.js';
import type { Target } from '../backend.js';
import type { HoldEnd, HoldReference, HoldRequest, SynchronousHoldStore } from '../hold-store.js';
import { BudgetWindow } from '../holds/budget-window.js';
import { assertExtendable, assertTakeable, assertUnitsOf } from '../holds/hold-checks.js';
import { type BudgetState, decideGrowth } from '../holds/hold-decision.js';
import { decideHolds } from '../holds/hold-evaluation.js';
import { type OpenHold, OpenHolds } from '../holds/open-holds.js';
import type { MemoryStore } from './memory-store.js';
import type { SubjectTable } from './subject-table.js';

/** Decides the charges of a call at an instant, and takes them if all are allowed and `writes` is true. */
export type DecideCharges = (charges: readonly Charge[], now: number, writes: boolean) => Outcome;

/** The open holds of a subject, and the latest reference to them. */
interface Entry {
  readonly holds: OpenHolds;
  last: HoldReference;
}

/** The number of entries that each call checks for expired holds. */
const VISITED_PER_CALL = 2;

/** Holds in this process. The charges of budgets are in the store of all other counters. */
export class MemoryHolds implements SynchronousHoldStore {
  /** By the policy's id and the subject's map key. A subject without open holds has no entry. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  #unvisited = this.#allEntries();

  constructor(
    private readonly store: MemoryStore,
    private readonly clock: Clock,
    private readonly decideCharges: DecideCharges,
  ) {}

  /** The number of subjects that have open holds, over all policies. */
  get size(): number {
    let size = 0;
    for (const subjects of this.#entries.values()) size += subjects.size;
    return size;
  }

  take(holds: readonly HoldRequest[], charges: readonly Charge[]): Outcome {
    assertTakeable(holds, charges);
    const now = this.clock.now();
    for (let i = 0; i < VISITED_PER_CALL; i++) this.#visitNext(now);
    return this.#decide(holds, charges, now, true);
  }

  peek(holds: readonly HoldRequest[], charges: readonly Charge[]): Outcome {
    assertTakeable(holds, charges);
    return this.#decide(holds, charges, this.clock.now(), false);
  }

  extend(holds: readonly HoldReference[], ttlMs: number): readonly boolean[] {
    assertExtendable(holds, ttlMs);
    const now = this.clock.now();
    return holds.map((reference) => {
      const open = this.#current(reference, now).holds;
      const hold = open.get(reference.id);
      if (hold !== undefined && now + ttlMs > hold.expiresAt) open.set({ ...hold, expiresAt: now + ttlMs });
      return hold !== undefined;
    });
  }

  grow(reference: HoldReference, units: number): Decision | undefined {
    assertUnitsOf([{ ...reference, units }]);
    const now = this.clock.now();
    const budget = this.#current(reference, now);
    const hold = budget.holds.get(reference.id);
    if (hold === undefined) return undefined;
    const more = Math.max(0, units - hold.units);
    const decision = decideGrowth(budget, hold, more, now);
    if (decision.allowed && more > 0) budget.holds.set({ ...hold, units });
    return decision;
  }

  end(holds: readonly HoldEnd[]): readonly boolean[] {
    assertUnitsOf(holds);
    const now = this.clock.now();
    return holds.map((reference) => {
      const budget = this.#current(reference, now);
      if (budget.holds.remove(reference.id) === undefined) return false;
      this.#write(reference, budget, budget.window.charge(budget.used, now, reference.units), now);
      if (budget.holds.size === 0) this.remove(reference);
      return true;
    });
  }

  #decide(holds: readonly HoldRequest[], charges: readonly Charge[], now: number, writes: boolean): Outcome {
    const budgetOf = (hold: HoldRequest) => (writes ? this.#current(hold, now) : this.#currentCopy(hold, now));
    const evaluated = decideHolds(holds, budgetOf, now);
    // A call whose holds are all open was taken before.
    const toDecide = evaluated.isRepeated ? charges.map((charge) => ({ ...charge, cost: 0 })) : charges;
    const outcome = evaluated.allowed ? this.decideCharges(toDecide, now, writes) : this.#denied(toDecide, now, writes);
    const allowed = evaluated.allowed && outcome.allowed;
    if (allowed && writes) for (const hold of evaluated.taken) this.#add(hold, now);
    const decisions = [...(allowed ? evaluated.decisions : evaluated.inDeniedCall()), ...outcome.decisions];
    const { receipt } = outcome;
    return { allowed, decisions, binding: bindingOf(decisions), ...(allowed && receipt !== undefined && { receipt }) };
  }

  /**
   * Decides the charges of a call that a hold denies. Charges that would be allowed report the state before the call.
   */
  #denied(charges: readonly Charge[], now: number, writes: boolean): Outcome {
    const others = charges.filter((charge) => !isMonitored(charge));
    const peek = (some: readonly Charge[]) => this.decideCharges(some, now, false);
    const free = (some: readonly Charge[]) => peek(some.map((charge) => ({ ...charge, cost: 0 }))).decisions;
    const peeked = peek(others);
    // Counts a denial by a charge of the call, because denials may begin a block.
    const whole = peeked.allowed || !writes ? peeked : this.decideCharges(others, now, true);
    const ofOthers = (whole.allowed ? free(others) : whole.decisions).values();
    const decisions = charges.flatMap((charge) => {
      if (!isMonitored(charge)) return ofOthers.next().value ?? [];
      const [alone] = peek([charge]).decisions;
      return alone?.allowed === false ? [alone] : free([charge]);
    });
    return { allowed: false, decisions, binding: null };
  }

  /** Returns a budget as it is now: holds that have expired are removed and charged. */
  #current(reference: HoldReference, now: number): BudgetState {
    const entry = this.#entryOf(reference);
    const window = this.#windowOf(reference);
    const used = this.#usedOf(reference, now);
    if (entry === undefined) return { window, used, holds: new OpenHolds() };
    entry.last = reference;
    const { holds } = entry;
    const charged = afterExpiry(window, used, holds.removeExpired(now));
    this.#write(reference, { window, used, holds }, charged, now);
    if (holds.size === 0) this.remove(reference);
    return { window, used: charged, holds };
  }

  /** The same, without writing anything. */
  #currentCopy(reference: HoldReference, now: number): BudgetState {
    const holds = this.#entryOf(reference)?.holds.copy() ?? new OpenHolds();
    const window = this.#windowOf(reference);
    return { window, used: afterExpiry(window, this.#usedOf(reference, now), holds.removeExpired(now)), holds };
  }

  #windowOf({ policy, arguments: args }: HoldReference): BudgetWindow {
    const strategy = isConcurrency(policy) ? concurrency : this.store.tableOf(policy).strategy;
    return new BudgetWindow(policy, strategy, args);
  }

  #usedOf({ policy, subject }: HoldReference, now: number): State {
    if (isConcurrency(policy)) return NOTHING_USED;
    const table = this.store.tableOf(policy);
    const key = mapKey(subject);
    return this.store.read(table, key, this.#isShared(table, key, now));
  }

  /** Stores the charges of a budget if they have changed. */
  #write(reference: HoldReference, { window, used }: BudgetState, charged: State, now: number): void {
    if (charged === used) return;
    const { policy, subject } = reference;
    const table = this.store.tableOf(policy);
    const key = mapKey(subject);
    this.store.write({ table, key, isShared: this.#isShared(table, key, now) }, charged, window.expiryOf(charged, now));
  }

  /** Returns true for a new subject while the store is full: all such subjects share one counter. */
  #isShared(table: SubjectTable, key: string, now: number): boolean {
    return table.find(key) === undefined && !this.store.hasRoom(table, now, []);
  }

  #entryOf({ policy, subject }: Target): Entry | undefined {
    return this.#entries.get(policy.id)?.get(mapKey(subject));
  }

  #add(hold: HoldRequest, now: number): void {
    const { policy, subject, id, units, ttlMs } = hold;
    let subjects = this.#entries.get(policy.id);
    if (subjects === undefined) {
      subjects = new Map();
      this.#entries.set(policy.id, subjects);
    }
    const key = mapKey(subject);
    let entry = subjects.get(key);
    if (entry === undefined) {
      entry = { holds: new OpenHolds(), last: hold };
      subjects.set(key, entry);
    }
    entry.holds.set({ id, units, expiresAt: now + ttlMs });
  }

  /** Ends all holds of a budget, without a charge. */
  remove({ policy, subject }: Target): void {
    const subjects = this.#entries.get(policy.id);
    subjects?.delete(mapKey(subject));
    if (subjects?.size === 0) this.#entries.delete(policy.id);
  }

  /** Drops the expired holds of the next entry, because no later call may ask for that entry. */
  #visitNext(now: number): void {
    const { value, done } = this.#unvisited.next();
    if (done) this.#unvisited = this.#allEntries();
    else this.#current(value.last, now);
  }

  /** Yields every entry once. The maps may change in between: their iterators are live. */
  *#allEntries(): Generator<Entry, undefined> {
    for (const subjects of this.#entries.values()) yield* subjects.values();
  }
}

const NOTHING_USED: State = [];

function isConcurrency({ strategy }: Policy): boolean {
  return strategy === concurrency.name;
}

/** Charges expired holds in their order. Returns the new usage. */
function afterExpiry(window: BudgetWindow, used: State, expired: readonly OpenHold[]): State {
  if (window.policy.held?.onExpiry !== 'charge') return used;
  return expired.reduce((state, { expiresAt, units }) => window.charge(state, expiresAt, units), used);
}
