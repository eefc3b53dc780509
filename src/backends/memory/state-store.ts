import type { Policy } from '../../core/policy.js';
import { ChargeLog } from '../../strategies/sliding-log.js';
import type { State, StateSize, StepResult } from '../../strategies/strategy.js';
import { SlabStateStore } from './slab-state-store.js';

/** States by index, each with its expiry. */
export interface StateStore {
  /** Stores a state. Returns its index. */
  add(state: State, expiresAt: number): number;
  /**
   * Returns a copy of a state; with `reuse` an array that is overwritten by the next read, which saves an array per
   * call.
   */
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

/** Passed as `changed`: the state is the instant and the units of one charge, to append to the log. */
const ONE_CHARGE = -1;

const NO_LOG = new ChargeLog([]);

/** Stores states of `sliding-log` as logs, which `step` and `write` change in place. */
export class LogStateStore implements StateStore {
  readonly #logs: (ChargeLog | undefined)[] = [];
  readonly #expiries: number[] = [];
  readonly #freeIndexes: number[] = [];

  /** @param periodMs the period of the policy, which all states of a table share */
  constructor(private readonly periodMs: number) {}

  add(state: State, expiresAt: number): number {
    const index = this.#freeIndexes.pop() ?? this.#logs.length;
    this.write(index, state, expiresAt);
    return index;
  }

  read(index: number): State {
    return this.#logAt(index).toState();
  }

  /** Decides a charge on a state. `write` adds it, if it is given the `state` and the `changed` of the result. */
  step(index: number, now: number, policy: Policy, cost: number): StepResult {
    return { state: [now, cost], decision: this.#logAt(index).step(now, policy, cost), changed: ONE_CHARGE };
  }

  write(index: number, state: State, expiresAt: number, changed?: number): void {
    if (changed === ONE_CHARGE) this.#logAt(index).add(state[0] ?? 0, this.periodMs, state[1] ?? 0);
    else this.#logs[index] = new ChargeLog(state);
    this.#expiries[index] = expiresAt;
  }

  expiresAt(index: number): number {
    return this.#expiries[index] ?? 0;
  }

  free(index: number): void {
    this.#logs[index] = undefined;
    this.#freeIndexes.push(index);
  }

  #logAt(index: number): ChargeLog {
    return this.#logs[index] ?? NO_LOG;
  }
}
