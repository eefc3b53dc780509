import type { State, StateSize } from '../../strategies/strategy.js';

/** States by number, and when each may go. */
export interface StateStore {
  /** Stores a state in a cell that is free. */
  add(state: State, expiresAt: number): number;
  /** A copy, unless it is read `briefly`: then it holds until the next read, and saves a list for each hit. */
  read(cell: number, briefly?: boolean): State;
  /** `changed`: how many numbers, from the first on, may be others than it holds; all where it is left out. */
  write(cell: number, state: State, expiresAt: number, changed?: number): void;
  expiresAt(cell: number): number;
  free(cell: number): void;
}

/** Cells for states of one size; of any length where that is not known. */
export function createStateStore(size: StateSize | undefined): StateStore {
  return size === undefined ? new ListStateStore() : new SlabStateStore(size);
}

/** Cells a page. A page is made at once, and small enough not to be noticed. */
const PAGE = 1024;

type Counts = Uint16Array | Uint32Array | Float64Array;

interface Page {
  /** The wide numbers of each cell, and its expiry. */
  readonly wide: Float64Array;
  /** In as few bytes as hold those that there have been. */
  counts: Counts;
}

/** A page of small numbers, when there is one that is not. */
function wider(counts: Counts): Counts {
  return counts instanceof Uint16Array ? new Uint32Array(counts) : new Float64Array(counts);
}

/** States of one size: eight bytes a number, two a small one, and nothing for the garbage collector to look at. */
class SlabStateStore implements StateStore {
  readonly #pages: Page[] = [];
  readonly #freed: number[] = [];
  readonly #wide: number;
  readonly #counts: number;
  readonly #brief: number[] = [];
  #next = 0;

  constructor({ wide, counts }: StateSize) {
    this.#wide = wide;
    this.#counts = counts;
    // Fractions, so that they are held as doubles from the start.
    for (let i = 0; i < wide + counts; i++) this.#brief.push(0.5);
  }

  add(state: State, expiresAt: number): number {
    const cell = this.#freed.pop() ?? this.#next++;
    if (cell >> 10 === this.#pages.length) {
      const wide = new Float64Array(PAGE * (this.#wide + 1));
      this.#pages.push({ wide, counts: new Uint16Array(PAGE * this.#counts) });
    }
    this.write(cell, state, expiresAt);
    return cell;
  }

  read(cell: number, briefly = false): State {
    const { wide, counts } = this.#page(cell);
    const place = cell & (PAGE - 1);
    const state = this.#brief;
    const size = state.length;
    const first = this.#wide;
    let from = place * (first + 1);
    for (let i = 0; i < first; i++) state[i] = wide[from + i] ?? 0;
    from = place * this.#counts - first;
    for (let i = first; i < size; i++) state[i] = counts[from + i] ?? 0;
    return briefly ? state : state.slice();
  }

  write(cell: number, state: State, expiresAt: number, changed = this.#brief.length): void {
    const { length } = state;
    if (length !== this.#brief.length && length > 0) throw misfits(length, this.#brief.length);
    const page = this.#page(cell);
    const place = cell & (PAGE - 1);
    const { wide, counts } = page;
    const first = this.#wide;
    let from = place * (first + 1);
    for (let i = 0; i < first; i++) wide[from + i] = state[i] ?? 0;
    wide[from + first] = expiresAt;
    from = place * this.#counts - first;
    for (let i = first; i < changed; i++) {
      const count = state[i] ?? 0;
      counts[from + i] = count;
      if (counts[from + i] === count || counts instanceof Float64Array) continue;
      page.counts = wider(counts);
      this.write(cell, state, expiresAt);
      return;
    }
  }

  expiresAt(cell: number): number {
    return this.#page(cell).wide[(cell & (PAGE - 1)) * (this.#wide + 1) + this.#wide] ?? 0;
  }

  free(cell: number): void {
    this.#freed.push(cell);
  }

  #page(cell: number): Page {
    return this.#pages[cell >> 10] ?? NO_PAGE;
  }
}

/** Numbers that are not kept would not be limited. */
function misfits(length: number, size: number): TypeError {
  return new TypeError(`a strategy gave a state of ${length} numbers, where its size says ${size}`);
}

const NO_PAGE: Page = { wide: new Float64Array(), counts: new Uint16Array() };

/** States of any length. */
class ListStateStore implements StateStore {
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
