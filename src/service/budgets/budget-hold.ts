import type { HoldReference } from '../../backends/hold-store.js';
import type { Awaitable } from '../../core/awaitable.js';
import { assertCost, type Decision, UNITS } from '../../core/decision.js';
import { assertKnownMembers, invalidArgument } from '../../core/errors.js';
import type { EndedCall } from '../calls/ends/call-end.js';
import type { OpenReservation } from './open-reservations.js';

/** The functions of the service that a hold uses. */
export interface HoldTarget {
  /** For errors: `budget("llm")`. */
  readonly place: string;
  /** Undefined if the budget exempts the caller. Then nothing is held. */
  readonly reference: (() => HoldReference) | undefined;
  readonly grow: (reference: HoldReference, units: number) => Awaitable<Decision | undefined>;
  readonly end: (reference: HoldReference, units: number) => Awaitable<boolean>;
  /** Throws the exception for a hold that cannot grow. */
  readonly deny: (decision: Decision | undefined, units: number, ended: string) => Promise<never>;
  /** The reservation that is extended while the hold is open. It knows whether the hold was lost. */
  readonly reservation: OpenReservation;
  /** Called when the hold is no longer open. */
  readonly close: () => void;
}

/** Options of `BudgetHold.meter`. */
export interface MeterOptions<T> {
  /** Returns the units of a chunk, a safe integer of at least 0. */
  readonly unitsOf: (chunk: T) => number;
  /**
   * Units by which the hold grows at a time, at least 1. Default: the units of the next chunk, so there is one backend
   * call per chunk.
   */
  readonly chunk?: number;
}

/**
 * Units of a token budget that are held for a call until its real usage is known. A process extends its holds while
 * they are open. A hold that is not extended expires, and is then charged or released, depending on the budget's
 * `onExpiry`.
 *
 * Settle or cancel every hold. All methods may be called repeatedly; only the first end has an effect.
 *
 * @example
 * const hold = await throttle.budget('llm').reserve(2000, { subject: subjectOf.user(42) });
 * try {
 *   const answer = await llm.complete(prompt);
 *   await hold.settle(answer.usage.total);
 * } catch (error) {
 *   await hold.cancel();
 *   throw error;
 * }
 */
export class BudgetHold {
  readonly #id: string;
  readonly #target: HoldTarget;
  #units: number | undefined;
  #isOpen = true;

  /** @internal */
  constructor(id: string, target: HoldTarget, units?: number) {
    this.#id = id;
    this.#target = target;
    this.#units = units;
  }

  /**
   * The id of the hold: `throttle.budget('llm').hold(id)` finds it in any process. It contains the subject in clear
   * text. If this object is garbage-collected, the hold is extended further if its id was read; otherwise it expires,
   * with a warning.
   */
  get id(): string {
    this.#target.reservation.isIdRead = true;
    return this.#id;
  }

  /**
   * Returns the id for `JSON.stringify`, such as in the data of a job: `throttle.budget('llm').hold(job.hold.id)`. This
   * counts as reading the id.
   */
  toJSON(): { readonly id: string } {
    return { id: this.id };
  }

  /** The units that are held. Undefined if another process reserved them, until this one grows the hold. */
  get units(): number | undefined {
    return this.#units;
  }

  /** Aborts if the hold is lost while it is open: it has expired, or its budget was reset. */
  get signal(): AbortSignal {
    return this.#target.reservation.signal;
  }

  /**
   * Grows the hold to `units` in total. It never shrinks.
   *
   * @throws ThrottleException (429) if the budget has no room for the difference, or if the hold has expired or ended
   * @throws RangeError for units that are not a safe integer of at least 0
   */
  async grow(units: number): Promise<void> {
    assertCost(units, `${this.#target.place}: grow()`, UNITS);
    const { reference } = this.#target;
    if (reference === undefined || units <= (this.#units ?? 0)) return;
    const decision = await this.#target.grow(reference(), units);
    if (decision?.allowed !== true) await this.#target.deny(decision, units, this.#ended());
    this.#units = units;
  }

  /**
   * Ends the hold: charges these units, even above the estimate and the limit, and releases the others.
   *
   * @returns false if the hold had expired or ended before; then nothing more is charged
   * @throws RangeError for units that are not a safe integer of at least 0
   */
  async settle(units: number): Promise<boolean> {
    assertCost(units, `${this.#target.place}: settle()`, UNITS);
    const { reference } = this.#target;
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#target.close();
    if (reference === undefined) return wasOpen;
    return this.#target.end(reference(), units);
  }

  /** Ends the hold and charges nothing, like `settle(0)`. */
  cancel(): Promise<boolean> {
    return this.settle(0);
  }

  /**
   * Passes a stream through and reserves the units of each chunk before it is passed on: the hold grows if the total
   * would exceed it. So no more units are served than the budget has. When the stream ends, fails or is no longer read,
   * the hold is settled at the units served.
   *
   * @throws ThrottleException (429) instead of passing on the first chunk for which the budget has no room
   * @example
   * for await (const text of hold.meter(stream, { unitsOf: countTokens, chunk: 256 })) response.write(text);
   */
  async *meter<T>(source: AsyncIterable<T> | Iterable<T>, options: MeterOptions<T>): AsyncGenerator<T, void, void> {
    const { unitsOf, chunk } = checkedMeter(this.#target.place, options);
    let served = 0;
    try {
      for await (const item of source) {
        const units = unitsOf(item);
        assertCost(units, `${this.#target.place}: meter(), unitsOf()`, UNITS);
        await this.#prepay(served + units, served + Math.max(units, chunk));
        served += units;
        yield item;
      }
    } finally {
      await this.settle(served);
    }
  }

  /**
   * Ends a hold that its call has left open: charges all held units, or nothing if the call failed. If the client has
   * gone, the handler may still run and settle the hold, so it is left to expire.
   *
   * @internal
   */
  async endWith({ isFailure, isAborted }: EndedCall): Promise<void> {
    if (!this.#isOpen) return;
    if (isAborted) this.#target.close();
    else await this.settle(isFailure ? 0 : (this.#units ?? 0));
  }

  /** Describes which hold has ended, and the possible reasons. Omits the subject, which should not be logged. */
  #ended(): string {
    const why = this.#isOpen
      ? 'it has expired, was ended elsewhere, or its budget was reset'
      : 'it was settled or cancelled before';
    return `${this.#target.place}: grow(): the hold ${this.#id.split('.', 1)[0]} has ended: ${why}. Reserve the units anew.`;
  }

  /** Grows to `wanted` units if there is room, else to `needed`. */
  async #prepay(needed: number, wanted: number): Promise<void> {
    const { reference, grow } = this.#target;
    if (reference === undefined || needed <= (this.#units ?? 0)) return;
    if (wanted > needed) {
      const decision = await grow(reference(), wanted);
      if (decision?.allowed === true) {
        this.#units = wanted;
        return;
      }
    }
    await this.grow(needed);
  }
}

function checkedMeter<T>(place: string, options: MeterOptions<T>): Required<MeterOptions<T>> {
  const path = `${place}: meter()`;
  if (typeof options !== 'object' || options === null)
    throw invalidArgument(path, 'options { unitsOf, chunk? }', options);
  assertKnownMembers(path, options, ['unitsOf', 'chunk']);
  const { unitsOf, chunk = 1 } = options;
  if (typeof unitsOf !== 'function') throw invalidArgument(`${path}, unitsOf`, 'a function of a chunk', unitsOf);
  if (!Number.isSafeInteger(chunk) || chunk < 1) {
    throw invalidArgument(`${path}, chunk`, 'a whole number of units, at least 1', chunk);
  }
  return { unitsOf, chunk };
}
