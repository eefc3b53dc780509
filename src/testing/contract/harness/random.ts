import { randomInt } from 'node:crypto';
import type { Awaitable } from '../../../core/awaitable.js';

/** Random choices. The same seed gives the same choices. */
export interface RandomSource {
  /** Returns a whole number from `min` to `max`, both included, with equal probability. */
  integer(min: number, max: number): number;
  /**
   * Returns a whole number from `min` to `max`. Small ones and `max` are more likely, because faults are found there.
   */
  edgy(min: number, max: number): number;
  /** Returns one of the items, with equal probability. */
  pick<T>(items: readonly T[]): T;
}

/** Pseudo-random numbers that are the same for the same seed: mulberry32 (Tommy Ettinger, public domain). */
export class Random implements RandomSource {
  #state: number;

  /** @param seed a whole number from 0 to 2^32 - 1 */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  integer(min: number, max: number): number {
    return min + Math.floor(this.#fraction() * (max - min + 1));
  }

  edgy(min: number, max: number): number {
    const kind = this.integer(0, 7);
    if (kind < 2) return Math.min(max, min + this.integer(0, 3));
    return kind === 2 ? max : this.integer(min, max);
  }

  pick<T>(items: readonly T[]): T {
    const [item] = items.slice(this.integer(0, items.length - 1));
    if (item === undefined) throw new RangeError('pick: expected a list with items, got an empty one');
    return item;
  }

  /** Returns a list of `min` to `max` items. */
  list<T>(min: number, max: number, make: () => T): T[] {
    return Array.from({ length: this.integer(min, max) }, make);
  }

  #fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

export interface RandomCases<T> {
  readonly make: (random: Random) => T;
  /** Throws or rejects if the value shows a fault. */
  readonly check: (value: T) => Awaitable<void>;
  /** Returns simpler values, which are tried in turn if a value fails. */
  readonly simpler: (value: T) => readonly T[];
  readonly runs: number;
  /** Default: a different seed each time. */
  readonly seed?: number | undefined;
}

const MAX_SIMPLER = 300;

/**
 * Checks random values. If one fails, looks for a simpler value that also fails, and throws an error with that value
 * and the seed.
 */
export async function checkRandomCases<T>(cases: RandomCases<T>): Promise<void> {
  const { make, check, runs, seed = randomInt(2 ** 31) } = cases;
  const random = new Random(seed);
  for (let run = 0; run < runs; run++) {
    const value = make(random);
    const error = await errorOf(check, value);
    if (error === undefined) continue;
    const simplest = await simplestFailure(cases, { value, error });
    const message = simplest.error instanceof Error ? simplest.error.message : String(simplest.error);
    throw new Error(
      `Random case ${run + 1} of ${runs} fails; the seed is ${seed}.\n${JSON.stringify(simplest.value)}\n${message}`,
      { cause: simplest.error },
    );
  }
}

interface Failure<T> {
  readonly value: T;
  readonly error: unknown;
}

async function simplestFailure<T>({ check, simpler }: RandomCases<T>, failure: Failure<T>): Promise<Failure<T>> {
  let simplest = failure;
  let candidates = [...simpler(failure.value)];
  for (let tries = 0; tries < MAX_SIMPLER; tries++) {
    const value = candidates.shift();
    if (value === undefined) break;
    const error = await errorOf(check, value);
    if (error === undefined) continue;
    simplest = { value, error };
    candidates = [...simpler(value)];
  }
  return simplest;
}

async function errorOf<T>(check: RandomCases<T>['check'], value: T): Promise<unknown> {
  try {
    await check(value);
    return undefined;
  } catch (error) {
    return error ?? new Error(`thrown: ${error}`);
  }
}

/**
 * Returns the list without each of its items in turn; first without each half, so that long lists become short quickly.
 */
export function shorterLists<T>(list: readonly T[]): readonly (readonly T[])[] {
  const half = Math.floor(list.length / 2);
  const halves = list.length > 3 ? [list.slice(0, half), list.slice(half)] : [];
  const singles = list.length > 1 ? list.map((_, i) => list.filter((_item, j) => j !== i)) : [];
  return [...halves, ...singles];
}
