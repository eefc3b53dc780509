import type { Charge } from '../../core/decision.js';
import type { Policy } from '../../core/policy.js';
import { slidingLog } from '../../strategies/sliding-log.js';
import {
  argumentCountOf,
  type State,
  type StateSize,
  type StepResult,
  type Strategy,
  sizeOf,
} from '../../strategies/strategy.js';
import type { KeyShare } from './key-shares.js';
import { createStateStore, LogStateStore, type StateStore } from './state-store.js';

/**
 * The maximum number of subjects in one map. More are spread over many maps, because a large map stalls the process
 * when it grows.
 */
const MAX_IN_ONE_MAP = 16_384;
const MAP_COUNT = 64;

const NO_MAP = new Map<string, number>();
export const NO_STATE: State = [];

/** The states of one budget by subject. */
export class SubjectTable {
  readonly states: StateStore;
  /** The same, if the states are logs. */
  readonly #logs: LogStateStore | undefined;
  /** Indexes in `states` by the subject's map key. */
  maps: Map<string, number>[] = [new Map()];
  size = 0;
  /** The state that new subjects share while the store is full. */
  overflow: State = [];
  overflowExpiresAt = 0;
  isOverflowing = false;
  /**
   * Set for the budgets of an override: the tables of all periods, including this one. Only the one of the latest
   * period has the state of a subject.
   */
  alternatives: SubjectTable[] = [];
  /** The number of arguments that the strategy takes: a charge with another number of them has to be refused. */
  readonly argumentCount: number;

  constructor(
    readonly policy: Policy,
    readonly strategy: Strategy,
    /** Its part of the keys of the store. */
    public share: KeyShare,
    /** The size of what is stored for a subject. Default: that of a state of the strategy. */
    size: StateSize | undefined = sizeOf(strategy, policy, `policy "${policy.name}"`),
  ) {
    this.argumentCount = argumentCountOf(strategy);
    this.#logs = strategy === slidingLog && size === undefined ? new LogStateStore(policy.periodMs) : undefined;
    this.states = this.#logs ?? createStateStore(size);
  }

  /** Returns true if it holds nothing. */
  isOver(now: number): boolean {
    return this.size === 0 && (this.overflow.length === 0 || now >= this.overflowExpiresAt);
  }

  find(key: string): number | undefined {
    return this.#mapOf(key).get(key);
  }

  /**
   * Decides a charge on the state of a known subject, or of a new one. The state of the result is written before the
   * next step: it may be overwritten by that.
   */
  step(index: number | undefined, now: number, policy: Policy, cost: number, args: Charge['arguments']): StepResult {
    if (index === undefined) return this.strategy.step(NO_STATE, now, policy, cost, args);
    if (this.#logs !== undefined) return this.#logs.step(index, now, policy, cost);
    return this.strategy.step(this.states.read(index, true), now, policy, cost, args);
  }

  /** @returns true if the maps were replaced, so that an iteration over them has to start again */
  add(key: string, state: State, expiresAt: number): boolean {
    const isSplit = this.size === MAX_IN_ONE_MAP && this.maps.length === 1;
    if (isSplit) this.#split();
    const ownKey = detached(key);
    this.#mapOf(ownKey).set(ownKey, this.states.add(state, expiresAt));
    this.size += 1;
    return isSplit;
  }

  /** @returns true if the subject was there */
  remove(key: string): boolean {
    const map = this.#mapOf(key);
    const index = map.get(key);
    if (index === undefined) return false;
    map.delete(key);
    this.states.free(index);
    this.size -= 1;
    return true;
  }

  #split(): void {
    const [all] = this.maps;
    this.maps = Array.from({ length: MAP_COUNT }, () => new Map());
    for (const [key, index] of all ?? []) this.#mapOf(key).set(key, index);
  }

  #mapOf(key: string): Map<string, number> {
    const { maps } = this;
    return maps[maps.length === 1 ? 0 : mapNumberOf(key)] ?? NO_MAP;
  }
}

/** Chooses a map by characters that differ between the subjects of one kind. */
function mapNumberOf(key: string): number {
  const last = key.length - 1;
  const mixed = key.charCodeAt(last) * 31 + key.charCodeAt(last - 1) * 17 + key.charCodeAt(last >> 1) * 7;
  return mixed % MAP_COUNT || 0;
}

/** V8 copies shorter slices. */
const SHORTEST_SLICE = 13;

/** Returns a copy, because a slice of a long header or URL would keep the whole string in memory. */
function detached(key: string): string {
  return key.length >= SHORTEST_SLICE && key.isWellFormed() ? Buffer.from(key).toString() : key;
}
