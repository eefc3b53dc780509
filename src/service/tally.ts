import { AsyncLocalStorage } from 'node:async_hooks';
import { assertCost, NOTHING_TO_CHARGE, type Outcome } from '../core/decision.js';
import { ThrottleConfigError } from '../core/errors.js';

/** What a tally is about. */
export interface TallyTarget {
  /** For errors: `tally("rows")`. */
  readonly place: string;
  /** Tallies of one budget merge: those whose members here are the same. */
  readonly budget: readonly unknown[];
  /** Charges so many units, as `hit` does. */
  readonly charge: (units: number) => Promise<Outcome>;
}

/** Opens the tallies of an application. */
export class Tallies {
  // Weak: a tally that nobody can charge any more does not take the units of others.
  readonly #current = new AsyncLocalStorage<WeakRef<Tally>>();

  /** Opens a tally in the current asynchronous context, inside of that which is open there. */
  open(target: TallyTarget): Tally {
    const tally = new Tally(target, Tally.openFrom(this.#current.getStore()));
    this.#current.enterWith(new WeakRef(tally));
    return tally;
  }
}

/**
 * Collects costs, and charges them once, or never. A tally that is opened inside another one of the same policy and subject, by the same
 * asynchronous function or by one that it calls, adds its units to the outer one when it is charged.
 *
 * Close every tally: cancelling one that is charged does nothing.
 *
 * @example
 * const tally = throttle.tally('rows', { subject: subjectOf.user(42) });
 * try {
 *   for (const page of pages) tally.add(page.rows.length);
 *   await tally.charge();
 * } finally {
 *   tally.cancel();
 * }
 */
export class Tally {
  readonly #target: TallyTarget;
  readonly #outer: WeakRef<Tally> | undefined;
  #units = 0;
  #charged: Promise<Outcome> | undefined;
  #isCancelled = false;

  /** @internal */
  constructor(target: TallyTarget, outer: Tally | undefined) {
    this.#target = target;
    this.#outer = outer && new WeakRef(outer);
  }

  /** The units collected so far. */
  get units(): number {
    return this.#units;
  }

  /**
   * Adds units.
   *
   * @throws RangeError for units that are not a safe integer of at least 0, or if there are too many of them in all
   * @throws ThrottleConfigError if the tally was charged or cancelled
   */
  add(units: number): void {
    const { place } = this.#target;
    assertCost(units, `${place}.add()`);
    if (!this.#isOpen) throw closed(`${place}.add()`, this.#isCancelled);
    assertCost(this.#units + units, `${place}.add(), in all`);
    this.#units += units;
  }

  /**
   * Charges what was collected, once: later calls return the same promise. As `hit`: it delays the call if the policy says so, and
   * throws a ThrottleException (429) if it is denied, and then nothing is charged. A tally inside another adds its units to that, and
   * resolves with an outcome without decisions.
   *
   * @throws ThrottleConfigError if the tally was cancelled
   */
  charge(): Promise<Outcome> {
    if (this.#isCancelled) return Promise.reject(closed(`${this.#target.place}.charge()`, true));
    this.#charged ??= this.#charge();
    return this.#charged;
  }

  /** Drops what was collected, also from tallies inside this one. Does nothing if the tally was charged. */
  cancel(): void {
    if (this.#charged === undefined) this.#isCancelled = true;
  }

  get #isOpen(): boolean {
    return !this.#isCancelled && this.#charged === undefined;
  }

  async #charge(): Promise<Outcome> {
    const outer = this.#outerOfBudget();
    if (outer !== undefined) outer.add(this.#units);
    if (outer !== undefined || this.#units === 0) return NOTHING_TO_CHARGE;
    return this.#target.charge(this.#units);
  }

  /** The nearest tally around this one that is open, and of the same budget. */
  #outerOfBudget(): Tally | undefined {
    let outer = Tally.openFrom(this.#outer);
    while (outer !== undefined && !isSame(outer.#target.budget, this.#target.budget))
      outer = Tally.openFrom(outer.#outer);
    return outer;
  }

  /**
   * Returns the nearest tally that is open, from one outward.
   *
   * @internal
   */
  static openFrom(innermost: WeakRef<Tally> | undefined): Tally | undefined {
    let found = innermost?.deref();
    while (found !== undefined && !found.#isOpen) found = found.#outer?.deref();
    return found;
  }
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((member, i) => member === other[i]);
}

function closed(place: string, isCancelled: boolean): ThrottleConfigError {
  return new ThrottleConfigError(
    `${place}: the tally was ${isCancelled ? 'cancelled' : 'charged'} before. Open another one for further costs.`,
  );
}
