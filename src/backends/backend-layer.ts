import type { Awaitable } from '../core/awaitable.js';
import { type Clock, systemClock } from '../core/clock.js';
import type { Charge, Outcome, Receipt, TakenCharge } from '../core/decision.js';
import type { Policy } from '../core/policy.js';
import type { Strategy } from '../strategies/strategy.js';
import type { Backend, FailureDomains, Grant, Target } from './backend.js';
import type { BackendEvent } from './backend-events.js';
import type { BlockStore } from './blocks/block-store.js';
import type { HoldStore } from './hold-store.js';
import type { SettingsStore } from './settings-store.js';

/**
 * A backend around another one. It delegates every method of the contract, so a layer overrides only the methods that
 * it is about, and a new method of the contract is passed on by all layers.
 */
export abstract class BackendLayer<Inner extends Backend = Backend> implements Backend {
  /** Present only if the inner backend can lease, and the layer delegates it. */
  readonly lease?: (charge: Target, wanted: number) => Promise<Grant>;
  /** Present only if the inner backend can give units back without a receipt. */
  readonly credit?: (charges: readonly TakenCharge[]) => Awaitable<void>;
  /** Present only if the inner backend has them. */
  readonly domains?: FailureDomains;
  readonly holds?: HoldStore;
  readonly settings?: SettingsStore;
  /** Present only if the inner backend has a deadline of its own. */
  readonly timeoutMs?: number;
  readonly blocks?: BlockStore;

  /**
   * @param delegated `lease: false` for a layer that spends the units itself; `around` and `aroundBlocks`, which
   *   return the layer's settings and blocks, around those of the inner backend
   */
  constructor(
    protected readonly inner: Inner,
    delegated: {
      readonly lease?: boolean;
      readonly around?: (settings: SettingsStore) => SettingsStore;
      readonly aroundBlocks?: (blocks: BlockStore) => BlockStore;
    } = {},
  ) {
    const { lease = true, around = (settings) => settings, aroundBlocks = (blocks) => blocks } = delegated;
    if (lease && inner.lease !== undefined) this.lease = inner.lease.bind(inner);
    if (inner.credit !== undefined) this.credit = inner.credit.bind(inner);
    if (inner.domains !== undefined) this.domains = inner.domains;
    if (inner.timeoutMs !== undefined) this.timeoutMs = inner.timeoutMs;
    if (inner.holds !== undefined) this.holds = inner.holds;
    if (inner.settings !== undefined) this.settings = around(inner.settings);
    if (inner.blocks !== undefined) this.blocks = aroundBlocks(inner.blocks);
  }

  /** The name of the class of the backend below all layers. */
  get innermostName(): string {
    const { inner } = this;
    return inner instanceof BackendLayer ? inner.innermostName : inner.constructor.name;
  }

  get remote(): boolean {
    return this.inner.remote === true;
  }

  get clock(): Clock {
    return this.inner.clock ?? systemClock;
  }

  spend(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.inner.spend(charges);
  }

  peek(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.inner.peek(charges);
  }

  settle(receipt: Receipt, costs: readonly number[]): Awaitable<void> {
    return this.inner.settle(receipt, costs);
  }

  reset(targets: readonly Target[]): Awaitable<void> {
    return this.inner.reset(targets);
  }

  async probe(charges: readonly Charge[]): Promise<void> {
    if (this.inner.probe !== undefined) await this.inner.probe(charges);
    else if (charges.length > 0) await this.inner.peek(charges);
  }

  announce(policies: readonly Policy[]): void {
    this.inner.announce?.(policies);
  }

  use(strategies: readonly Strategy[]): void {
    this.inner.use?.(strategies);
  }

  listen(listener: (event: BackendEvent) => void): void {
    this.inner.listen?.(listener);
  }

  async warnings(): Promise<readonly string[]> {
    return (await this.inner.warnings?.()) ?? [];
  }

  async returnLeases(): Promise<void> {
    await this.inner.returnLeases?.();
  }

  async close(): Promise<void> {
    await this.inner.close?.();
  }
}
