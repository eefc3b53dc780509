import type { State, StateSize } from '../../strategies/strategy.js';

/** States per page. A page is allocated at once, and is small enough not to stall the process. */
const PAGE_SIZE = 1024;
const PAGE_BITS = 10;

type Counts = Uint16Array | Uint32Array | Float64Array;

interface Page {
  /** Per state: its wide values, then its expiry. */
  readonly wide: Float64Array;
  /** Per state: its counts, in the smallest type that holds all counts written so far. */
  counts: Counts;
}

const NO_PAGE: Page = { wide: new Float64Array(), counts: new Uint16Array() };

/**
 * Stores states of one size in typed arrays: eight bytes for a wide value, two for a small count, and no objects for
 * the garbage collector to visit. Implements `StateStore`.
 */
export class SlabStateStore {
  readonly #pages: Page[] = [];
  readonly #freeIndexes: number[] = [];
  /** Wide values and counts per state. */
  readonly #wide: number;
  readonly #counts: number;
  /** The array that `read` returns with `reuse`. */
  readonly #reused: number[] = [];
  #nextIndex = 0;

  constructor({ wide, counts }: StateSize) {
    this.#wide = wide;
    this.#counts = counts;
    // Starts with fractions, so that V8 stores doubles from the beginning.
    for (let i = 0; i < wide + counts; i++) this.#reused.push(0.5);
  }

  add(state: State, expiresAt: number): number {
    const index = this.#freeIndexes.pop() ?? this.#nextIndex++;
    if (index >> PAGE_BITS === this.#pages.length) {
      const wide = new Float64Array(PAGE_SIZE * (this.#wide + 1));
      this.#pages.push({ wide, counts: new Uint16Array(PAGE_SIZE * this.#counts) });
    }
    this.write(index, state, expiresAt);
    return index;
  }

  read(index: number, reuse = false): State {
    const { wide, counts } = this.#page(index);
    const indexInPage = index & (PAGE_SIZE - 1);
    const state = this.#reused;
    const size = state.length;
    const wideSize = this.#wide;
    let from = indexInPage * (wideSize + 1);
    for (let i = 0; i < wideSize; i++) state[i] = wide[from + i] ?? 0;
    from = indexInPage * this.#counts - wideSize;
    for (let i = wideSize; i < size; i++) state[i] = counts[from + i] ?? 0;
    return reuse ? state : state.slice();
  }

  write(index: number, state: State, expiresAt: number, changed = this.#reused.length): void {
    const { length } = state;
    if (length !== this.#reused.length && length > 0) throw wrongSize(length, this.#reused.length);
    const page = this.#page(index);
    const indexInPage = index & (PAGE_SIZE - 1);
    const { wide, counts } = page;
    const wideSize = this.#wide;
    let from = indexInPage * (wideSize + 1);
    for (let i = 0; i < wideSize; i++) wide[from + i] = state[i] ?? 0;
    wide[from + wideSize] = expiresAt;
    from = indexInPage * this.#counts - wideSize;
    for (let i = wideSize; i < changed; i++) {
      const count = state[i] ?? 0;
      counts[from + i] = count;
      if (counts[from + i] === count || counts instanceof Float64Array) continue;
      page.counts = widened(counts);
      this.write(index, state, expiresAt);
      return;
    }
  }

  expiresAt(index: number): number {
    return this.#page(index).wide[(index & (PAGE_SIZE - 1)) * (this.#wide + 1) + this.#wide] ?? 0;
  }

  free(index: number): void {
    this.#freeIndexes.push(index);
  }

  #page(index: number): Page {
    return this.#pages[index >> PAGE_BITS] ?? NO_PAGE;
  }
}

/** Copies counts into the next larger type. */
function widened(counts: Counts): Counts {
  return counts instanceof Uint16Array ? new Uint32Array(counts) : new Float64Array(counts);
}

/** Values beyond the size would not be stored, so they would not limit anything. */
function wrongSize(length: number, size: number): TypeError {
  return new TypeError(`a strategy returned a state of ${length} numbers, but its size says ${size}`);
}
