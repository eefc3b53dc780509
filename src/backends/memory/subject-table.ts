import type { Policy } from '../../core/policy.js';
import { type State, type Strategy, sizeOf } from '../../strategies/strategy.js';
import { createStateStore, type StateStore } from './state-store.js';

/** So many subjects are in one map; more are in many small ones, since a large one stalls the process when it grows. */
const MAX_IN_ONE = 16_384;
const MAPS = 64;

/** What is remembered under one budget, by one shape: the cells of its subjects. */
export class SubjectTable {
  readonly cells: StateStore;
  maps: Map<string, number>[] = [new Map()];
  size = 0;
  /** What new subjects share when the store is full. */
  overflow: State = [];
  isOverflowing = false;

  constructor(
    readonly policy: Policy,
    readonly strategy: Strategy,
  ) {
    this.cells = createStateStore(sizeOf(strategy, policy, `policy "${policy.name}"`));
  }

  find(key: string): number | undefined {
    return this.#mapOf(key).get(key);
  }

  /** @returns whether the maps were laid anew, and a walk through them begins again */
  add(key: string, state: State, expiresAt: number): boolean {
    const isSplit = this.size === MAX_IN_ONE && this.maps.length === 1;
    if (isSplit) this.#split();
    const own = detached(key);
    this.#mapOf(own).set(own, this.cells.add(state, expiresAt));
    this.size += 1;
    return isSplit;
  }

  /** @returns whether it was there */
  remove(key: string): boolean {
    const map = this.#mapOf(key);
    const cell = map.get(key);
    if (cell === undefined) return false;
    map.delete(key);
    this.cells.free(cell);
    this.size -= 1;
    return true;
  }

  #split(): void {
    const [all] = this.maps;
    this.maps = Array.from({ length: MAPS }, () => new Map());
    for (const [key, cell] of all ?? []) this.#mapOf(key).set(key, cell);
  }

  #mapOf(key: string): Map<string, number> {
    const { maps } = this;
    return maps[maps.length === 1 ? 0 : placeOf(key)] ?? NO_MAP;
  }
}

const NO_MAP = new Map<string, number>();

/** Which of the maps: by characters that differ between the subjects of one kind. */
function placeOf(key: string): number {
  const last = key.length - 1;
  const mixed = key.charCodeAt(last) * 31 + key.charCodeAt(last - 1) * 17 + key.charCodeAt(last >> 1) * 7;
  return mixed % MAPS || 0;
}

/** V8 copies shorter slices. */
const SHORTEST_SLICE = 13;

/** A copy that holds on to no longer text: a short slice of a long header or URL keeps all of that in memory. */
function detached(key: string): string {
  return key.length >= SHORTEST_SLICE && key.isWellFormed() ? Buffer.from(key).toString() : key;
}
