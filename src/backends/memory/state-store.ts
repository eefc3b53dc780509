import type { State, StateSize } from '../../strategies/strategy.js';
import { SlabStateStore } from './slab-state-store.js';

/** States by index, each with its expiry. */
export interface StateStore {
  /** Stores a state. Returns its index. */
  add(state: State, expiresAt: number): number;
  /** Returns a copy of a state; with `reuse` an array that is overwritten by the next read, which saves an array per call. */
  read(index: number, reuse?: boolean): State;
  /** `changed`: number of leading values that may differ from the stored state. Default: all. */
  write(index: number, state: State, expiresAt: number, changed?: number): void;
  expiresAt(index: number): number;
  free(index: number): void;
}

/** Returns a store for states of one size, or of any length if `size` is undefined. */
export function createStateStore(size: StateSize | undefined): StateStore {
  return size === undefined ? new ListStateStore() : new SlabStateStore(size);
}

/** Stores states of any length. */
class ListStateStore implements StateStore {
  readonly #states: (State | undefined)[] = [];
  readonly #expiries: number[] = [];
  readonly #freeIndexes: number[] = [];

  add(state: State, expiresAt: number): number {
    const index = this.#freeIndexes.pop() ?? this.#states.length;
    this.write(index, state, expiresAt);
    return index;
  }

  read(index: number): State {
    return this.#states[index] ?? [];
  }

  write(index: number, state: State, expiresAt: number): void {
    this.#states[index] = state;
    this.#expiries[index] = expiresAt;
  }

  expiresAt(index: number): number {
    return this.#expiries[index] ?? 0;
  }

  free(index: number): void {
    this.#states[index] = undefined;
    this.#freeIndexes.push(index);
  }
}
