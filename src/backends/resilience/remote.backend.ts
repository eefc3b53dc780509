import type { Awaitable } from '../../core/awaitable.js';
import { type Clock, systemClock } from '../../core/clock.js';
import { type Charge, NOTHING_TO_CHARGE, type Outcome, type Receipt, type TakenCharge } from '../../core/decision.js';
import type { Strategy } from '../../strategies/strategy.js';
import type { Backend, FailureDomains, Grant, Target } from '../backend.js';
import type { BackendEvent } from '../backend-events.js';
import type { BlockStore } from '../blocks/block-store.js';
import { TimedBlocks } from '../blocks/timed-blocks.js';
import type { HoldStore } from '../hold-store.js';
import type { DecideMode, OutcomeListener, RemoteStore } from '../remote-store.js';
import type { SettingsStore } from '../settings-store.js';
import { TimedHolds } from './holds/timed-holds.js';
import { TimedSettings } from './timed-settings.js';

/** A remote store as a backend: each call gets its deadline here, `timeoutMs` from now. */
export class RemoteBackend implements Backend {
  readonly remote = true;
  readonly domains?: FailureDomains;
  readonly holds?: HoldStore;
  readonly settings?: SettingsStore;
  readonly blocks?: BlockStore;
  readonly credit?: (charges: readonly TakenCharge[]) => Promise<void>;

  constructor(
    private readonly store: RemoteStore,
    readonly timeoutMs: number,
  ) {
    if (store.domains !== undefined) this.domains = store.domains;
    if (store.holds !== undefined) this.holds = new TimedHolds(store.holds, () => this.#dueMs());
    if (store.settings !== undefined) this.settings = new TimedSettings(store.settings, () => this.#dueMs());
    if (store.credit !== undefined) this.credit = async (charges) => store.credit?.(charges, this.#dueMs());
    if (store.blocks !== undefined) this.blocks = new TimedBlocks(store.blocks, () => this.#dueMs());
  }

  get clock(): Clock {
    return this.store.clock;
  }

  /** @param listener receives the outcome just before the caller does */
  spend(charges: readonly Charge[], listener?: OutcomeListener): Awaitable<Outcome> {
    return this.#decide(charges, 'spend', listener);
  }

  peek(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.#decide(charges, 'peek');
  }

  settle(receipt: Receipt, costs: readonly number[]): Promise<void> {
    return this.store.settle(receipt, costs, this.#dueMs());
  }

  reset(targets: readonly Target[]): Promise<void> {
    return this.store.reset(targets, this.#dueMs());
  }

  lease(target: Target, wanted: number): Promise<Grant> {
    return this.store.lease(target, wanted, this.#dueMs());
  }

  probe(charges: readonly Charge[]): Promise<void> {
    return this.store.probe(charges, this.#dueMs());
  }

  use(strategies: readonly Strategy[]): void {
    this.store.use(strategies);
  }

  listen(listener: (event: BackendEvent) => void): void {
    this.store.listen(listener);
  }

  warnings(): Promise<readonly string[]> {
    return this.store.warnings(this.#dueMs());
  }

  close(): Promise<void> {
    return this.store.close();
  }

  #decide(charges: readonly Charge[], mode: DecideMode, listener?: OutcomeListener): Awaitable<Outcome> {
    return charges.length === 0 ? NOTHING_TO_CHARGE : this.store.decide(charges, mode, this.#dueMs(), listener);
  }

  #dueMs(): number {
    return systemClock.now() + this.timeoutMs;
  }
}
