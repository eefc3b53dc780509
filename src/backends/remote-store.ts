import type { Clock } from '../core/clock.js';
import type { Charge, Outcome, Receipt, TakenCharge } from '../core/decision.js';
import type { Strategy } from '../strategies/strategy.js';
import type { FailureDomains, Grant, Target } from './backend.js';
import type { BackendEvent } from './backend-events.js';
import type { BlockStore } from './blocks/block-store.js';
import type { HoldStore } from './hold-store.js';
import type { SettingsStore } from './settings-store.js';

/** The mode of a call: it takes units, or only reads. */
export type DecideMode = 'spend' | 'peek';

/** Receives the outcome of a call just before the caller does. */
export interface OutcomeListener {
  learn(charges: readonly Charge[], outcome: Outcome): void;
}
/** A part of a backend on a server: each method gets its deadline, too. */
type Remote<Part> = {
  readonly [Method in keyof Part]: Part[Method] extends (...args: infer Args) => infer Result
    ? (...args: [...Args, dueMs: number]) => Promise<Awaited<Result>>
    : never;
};

/** Settings on a server: as `SettingsStore`, each method with its deadline. */
export type RemoteSettings = Remote<SettingsStore>;

/** Blocks on a server: as `BlockStore`, each method with its deadline. */
export type RemoteBlocks = Remote<BlockStore>;

/**
 * Holds on a server: as `HoldStore`, each method with its deadline. A hold that is taken too late for its caller is
 * ended.
 */
export type RemoteHolds = Remote<HoldStore>;

/**
 * State on a server. It differs from a Backend in that each method takes the instant, on the system's clock, by which
 * it has to resolve; after it the method rejects with a BackendError. If a reply comes too late, the store returns the
 * units that the call took. `RemoteBackend` turns a store into a Backend.
 */
export interface RemoteStore {
  /**
   * Decides the charges of a call, at least one: all or none. A call whose deadline has passed is not charged later.
   *
   * @param listener receives the outcome, unless the promise rejects. A `then` would create a second promise for each
   *   call
   */
  decide(charges: readonly Charge[], mode: DecideMode, dueMs: number, listener?: OutcomeListener): Promise<Outcome>;
  settle(receipt: Receipt, costs: readonly number[], dueMs: number): Promise<void>;
  credit?(charges: readonly TakenCharge[], dueMs: number): Promise<void>;
  reset(targets: readonly Target[], dueMs: number): Promise<void>;
  lease(target: Target, wanted: number, dueMs: number): Promise<Grant>;
  /** Rejects unless these charges would be decided now. It charges no budget of a user. */
  probe(charges: readonly Charge[], dueMs: number): Promise<void>;
  use(strategies: readonly Strategy[]): void;
  listen(listener: (event: BackendEvent) => void): void;
  warnings(dueMs: number): Promise<readonly string[]>;
  close(): Promise<void>;
  /** Present if the store keeps limits that change while the service runs. */
  readonly settings?: RemoteSettings;
  /** Present if the store holds units while calls run. */
  readonly holds?: RemoteHolds;
  /** Present if subjects can be blocked. */
  readonly blocks?: RemoteBlocks;
  /**
   * Present if parts of the store fail by themselves. A BackendError that tells its `domain` counts for that one only.
   */
  readonly domains?: FailureDomains;
  /** The clock that calls are delayed by. */
  readonly clock: Clock;
}
