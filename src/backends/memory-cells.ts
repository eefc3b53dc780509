import type { State } from '../strategies/strategy.js';

/** States by number, and when each may go. */
export interface Cells {
  /** Stores a state in a cell that is free. */
  add(state: State, expiresAt: number): number;
  /** A copy, unless it is read `briefly`: then it holds until the next read, and saves a list for each hit. */
  read(cell: number, briefly?: boolean): State;
  write(cell: number, state: State, expiresAt: number): void;
  expiresAt(cell: number): number;
  free(cell: number): void;
}

/** Cells for states of `words` numbers; of any length where that is not known. */
export function cellsOf(words: number | undefined): Cells {
  return words === undefined ? new Lists() : new Slab(words);
}

/** Cells a page. A page is made at once, and small enough not to be noticed. */
const PAGE = 1024;

/** States of one length: eight bytes a number, and nothing for the garbage collector to look at. */
class Slab implements Cells {
  readonly #pages: Float64Array[] = [];
  readonly #freed: number[] = [];
  readonly #stride: number;
  readonly #brief: number[];
  #next = 0;

  constructor(private readonly words: number) {
    this.#stride = words + 1;
    this.#brief = new Array(words).fill(0.5); // a fraction, so that they are held as doubles from the start
  }

  add(state: State, expiresAt: number): number {
    const cell = this.#freed.pop() ?? this.#next++;
    if (cell >> 10 === this.#pages.length) this.#pages.push(new Float64Array(PAGE * this.#stride));
    this.write(cell, state, expiresAt);
    return cell;
  }

  read(cell: number, briefly = false): State {
    const page = this.#page(cell);
    const from = (cell & (PAGE - 1)) * this.#stride;
    const state = briefly ? this.#brief : new Array<number>(this.words);
    for (let i = 0; i < this.words; i++) state[i] = page[from + i] ?? 0;
    return state;
  }

  write(cell: number, state: State, expiresAt: number): void {
    const page = this.#page(cell);
    const from = (cell & (PAGE - 1)) * this.#stride;
    for (let i = 0; i < this.words; i++) page[from + i] = state[i] ?? 0;
    page[from + this.words] = expiresAt;
  }

  expiresAt(cell: number): number {
    return this.#page(cell)[(cell & (PAGE - 1)) * this.#stride + this.words] ?? 0;
  }

  free(cell: number): void {
    this.#freed.push(cell);
  }

  #page(cell: number): Float64Array {
    return this.#pages[cell >> 10] ?? NO_PAGE;
  }
}

const NO_PAGE = new Float64Array();

/** States of any length. */
class Lists implements Cells {
  readonly #states: (State | undefined)[] = [];
  readonly #expiries: number[] = [];
  readonly #freed: number[] = [];

  add(state: State, expiresAt: number): number {
    const cell = this.#freed.pop() ?? this.#states.length;
    this.write(cell, state, expiresAt);
    return cell;
  }

  read(cell: number): State {
    return this.#states[cell] ?? [];
  }

  write(cell: number, state: State, expiresAt: number): void {
    this.#states[cell] = state;
    this.#expiries[cell] = expiresAt;
  }

  expiresAt(cell: number): number {
    return this.#expiries[cell] ?? 0;
  }

  free(cell: number): void {
    this.#states[cell] = undefined;
    this.#freed.push(cell);
  }
}
