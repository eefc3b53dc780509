import type { Charge, Outcome, TakenCharge } from '../../core/decision.js';
import type { Target } from '../backend.js';
import { inDomain } from '../backend-error.js';
import { isBeside } from '../overrides/overridden-policy.js';
import type { DecideMode, OutcomeListener } from '../remote-store.js';
import { isTryAgain } from './clients/reply-errors.js';
import { CallBatcher } from './dispatch/call-batcher.js';
import { type CallContext, QueuedCall } from './dispatch/queued-call.js';
import type { RedisTopology } from './dispatch/redis-topology.js';
import type { RedisKeys, SlotGroup } from './redis-keys.js';
import type { LeaseVerdict } from './scripts/lease-codec.js';

export interface RedisShardsOptions {
  /** True if calls are batched. */
  readonly batch: boolean;
  readonly replyTimeoutMs: number;
}

const NONE: readonly string[] = [];

/** Sends calls and commands to the masters that have their keys. The keys of one call or command are on one slot. */
export class RedisShards {
  /** By slot. */
  readonly #batchers = new Map<number, CallBatcher>();

  constructor(
    private readonly keys: RedisKeys,
    private readonly topology: RedisTopology,
    private readonly context: CallContext,
    private readonly options: RedisShardsOptions,
  ) {}

  /** Decides charges whose keys are on one slot: all or none. */
  decide(charges: readonly Charge[], mode: DecideMode, dueMs: number, listener?: OutcomeListener): Promise<Outcome> {
    const keys = this.keys.keysOf(charges);
    const slot = this.keys.slotOf(keys[0] ?? '');
    const call = new QueuedCall(charges, keys, mode, dueMs, this.context, this.topology.domainOf(slot), listener);
    this.#batcher(slot).add(call);
    return call.outcome;
  }

  /**
   * Changes each charge of a group, taken at the instant `at`, to the cost at the same index.
   *
   * @param at undefined for a credit: the units are given back no matter when they were taken
   */
  async settle(
    { slot, keys, targets }: SlotGroup<TakenCharge>,
    costs: readonly number[],
    at: number | undefined,
    dueMs: number,
  ) {
    const master = this.topology.masterOf(slot);
    try {
      await master.settle(
        [...keys, ...targets.flatMap((charge) => this.#shapeKeys(charge))],
        targets,
        costs,
        at,
        dueMs,
      );
    } catch (error) {
      if (!isTryAgain(error)) throw error;
      const settleOne = (charge: TakenCharge, i: number) => {
        const own = [...keys.slice(i, i + 1), ...this.#shapeKeys(charge)];
        return master.settle(own, [charge], costs.slice(i, i + 1), at, dueMs);
      };
      await Promise.all(targets.map(settleOne));
    }
  }

  async lease(target: Target, wanted: number, dueMs: number): Promise<LeaseVerdict> {
    const key = this.keys.keyOf(target);
    const slot = this.keys.slotOf(key);
    try {
      return await this.topology.masterOf(slot).lease(key, target, wanted, dueMs, this.context.returns);
    } catch (error) {
      throw inDomain(error, this.topology.domainOf(slot));
    }
  }

  /** Deletes the budgets of a group and their separate budgets of overrides, or their holds. */
  async delete({ slot, targets }: SlotGroup<Target>, dueMs: number): Promise<void> {
    const keys = targets.flatMap((target) => {
      if (target.policy.held !== undefined) return this.keys.holdKeysOf(target);
      const key = this.keys.keyOf(target);
      return [key, this.keys.besideKeyOf(key), this.keys.shapeKeyOf(key)];
    });
    const master = this.topology.masterOf(slot);
    try {
      await master.delete(keys, dueMs);
    } catch (error) {
      if (!isTryAgain(error)) throw error;
      await Promise.all(keys.map((key) => master.delete([key], dueMs)));
    }
  }

  /** Returns the masters that have these budgets, by address. Empty if there is only one. */
  domainsOf(targets: readonly Target[]): readonly string[] {
    const domains = new Set<string>();
    for (const target of targets) {
      for (const key of [this.keys.keyOf(target), ...this.#overrideKeys(target)]) {
        const domain = this.topology.domainOf(this.keys.slotOf(key));
        if (domain !== undefined) domains.add(domain);
      }
    }
    return [...domains];
  }

  /** The key with the shape of the separate budget that a charge under an override was taken from; else none. */
  #shapeKeys(charge: TakenCharge): readonly string[] {
    const { policy, subject } = charge;
    return isBeside(charge) ? [this.keys.shapeKeyOf(this.keys.keyOf({ policy, subject }))] : NONE;
  }

  /** On a Cluster, the overrides of a charge are read before it is decided. */
  #overrideKeys({ policy, overriddenBy = NONE }: Target & Partial<Charge>): readonly string[] {
    return overriddenBy.map((subject) => this.keys.overrideKeyOf({ policy: policy.name, subject }));
  }

  /** Fails the calls that have not been sent. */
  close(): void {
    for (const batcher of this.#batchers.values()) batcher.close();
    this.#batchers.clear();
  }

  #batcher(slot: number): CallBatcher {
    const { batch, replyTimeoutMs } = this.options;
    let batcher = batch ? this.#batchers.get(slot) : undefined;
    if (batcher === undefined) {
      batcher = new CallBatcher(this.topology, slot, this.context.deadlines, replyTimeoutMs);
      if (batch) this.#batchers.set(slot, batcher);
    }
    return batcher;
  }
}
