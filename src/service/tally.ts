import { AsyncLocalStorage } from 'node:async_hooks';
import { assertCost, NOTHING_TO_CHARGE, type Outcome, UNITS } from '../core/decision.js';
import { ThrottleConfigError } from '../core/errors.js';

/**
 * Collects costs, and charges them once or never. If a tally is opened inside another one of the same policy and
 * subject, by the same asynchronous function or one that it calls, charging it adds its units to the outer one.
 *
 * Close every tally. Cancelling a charged tally has no effect.
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
export interface Tally {
  /** The units collected so far. */
  readonly units: number;
  /**
   * Adds units. Does not call the backend.
   *
   * @throws RangeError for units that are not a safe integer of at least 0, or if their sum is too large
   * @throws ThrottleConfigError if the tally was charged or cancelled
   */
  add(units: number): void;
  /**
   * Charges the collected units once; later calls return the same promise. Like `hit`, it may delay the call, and
   * throws a ThrottleException (429) if the call is denied; then nothing is charged. A tally inside another adds its
   * units to it, and resolves with an outcome without decisions.
   *
   * @throws ThrottleConfigError if the tally was cancelled
   */
  charge(): Promise<Outcome>;
  /** Drops the collected units, including those of tallies inside this one. Has no effect if the tally was charged. */
  cancel(): void;
}

/** The budget of a tally, and how it is charged. */
export interface TallyTarget {
  /** For errors: `tally("rows")`. */
  readonly place: string;
  /** Identifies the budget. Tallies with equal members merge. */
  readonly budget: readonly unknown[];
  /** Charges a number of units, like `hit`. */
  readonly charge: (units: number) => Promise<Outcome>;
}

/** A tally in an asynchronous context, and the one around it. */
interface Place {
  /** Weak, so that a tally that can no longer be charged does not receive the units of others. */
  readonly tally: WeakRef<NestedTally>;
  readonly outer: Place | undefined;
}

/** The units that a tally has collected. Outlives the tally. */
interface Collected {
  readonly place: string;
  units: number;
  isClosed: boolean;
}

/** Opens the tallies of an application. */
export class Tallies {
  readonly #current = new AsyncLocalStorage<Place>();
  readonly #unreachable: FinalizationRegistry<Collected>;

  constructor(warn: (message: string) => void) {
    this.#unreachable = new FinalizationRegistry(({ place, units, isClosed }) => {
      if (isClosed || units === 0) return;
      warn(`${place}: was neither charged nor cancelled, so its ${units} units are lost. Cancel it in a \`finally\`.`);
    });
  }

  /** Opens a tally in the current asynchronous context, inside the one that is open there. */
  open(target: TallyTarget): Tally {
    const outer = openPlace(this.#current.getStore());
    const collected = { place: target.place, units: 0, isClosed: false };
    const tally = new NestedTally(target, outer, collected);
    this.#unreachable.register(tally, collected);
    this.#current.enterWith({ tally: new WeakRef(tally), outer });
    return tally;
  }
}

class NestedTally implements Tally {
  #charged: Promise<Outcome> | undefined;

  constructor(
    private readonly target: TallyTarget,
    private readonly outer: Place | undefined,
    private readonly collected: Collected,
  ) {}

  get units(): number {
    return this.collected.units;
  }

  get isOpen(): boolean {
    return !this.collected.isClosed;
  }

  add(units: number): void {
    const { target, collected } = this;
    const place = `${target.place}.add()`;
    assertCost(units, place, UNITS);
    if (collected.isClosed) throw this.#closed(place);
    assertCost(collected.units + units, `${place}, in all`, UNITS);
    collected.units += units;
  }

  charge(): Promise<Outcome> {
    if (this.#charged !== undefined) return this.#charged;
    const { target, collected } = this;
    if (collected.isClosed) return Promise.reject(this.#closed(`${target.place}.charge()`));
    collected.isClosed = true;
    this.#charged = this.#charge(collected.units);
    return this.#charged;
  }

  cancel(): void {
    this.collected.isClosed = true;
  }

  async #charge(units: number): Promise<Outcome> {
    const outer = this.#outerOfBudget();
    if (outer !== undefined) outer.add(units);
    if (outer !== undefined || units === 0) return NOTHING_TO_CHARGE;
    return this.target.charge(units);
  }

  #closed(place: string): ThrottleConfigError {
    const end = this.#charged === undefined ? 'cancelled' : 'charged';
    return new ThrottleConfigError(
      'SLUICE_ENDED_TALLY',
      `${place}: the tally has already been ${end}. Open another one for further costs.`,
    );
  }

  /** Returns the nearest open tally around this one with the same budget. */
  #outerOfBudget(): NestedTally | undefined {
    for (let place = openPlace(this.outer); place !== undefined; place = openPlace(place.outer)) {
      const tally = place.tally.deref();
      if (tally !== undefined && isSame(tally.target.budget, this.target.budget)) return tally;
    }
    return undefined;
  }
}

/** Returns the nearest context with an open tally, from the innermost outward. */
function openPlace(innermost: Place | undefined): Place | undefined {
  let place = innermost;
  while (place !== undefined && place.tally.deref()?.isOpen !== true) place = place.outer;
  return place;
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((member, i) => member === other[i]);
}
