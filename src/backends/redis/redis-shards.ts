import type { Charge, Outcome } from '../../core/decision.js';
import type { Target } from '../backend.js';
import type { DecideMode } from '../remote-store.js';
import { CallBatcher } from './dispatch/call-batcher.js';
import { type CallContext, QueuedCall } from './dispatch/queued-call.js';
import type { RedisTopology } from './dispatch/redis-topology.js';
import type { RedisKeys, SlotGroup } from './redis-keys.js';
import type { LeaseVerdict } from './scripts/lease-codec.js';

export interface RedisShardsOptions {
  /** Whether calls are batched. */
  readonly batch: boolean;
  readonly replyTimeoutMs: number;
}

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
  decide(charges: readonly Charge[], mode: DecideMode, dueMs: number): Promise<Outcome> {
    const keys = charges.map((charge) => this.keys.keyOf(charge));
    const call = new QueuedCall(charges, keys, mode, dueMs, this.context);
    this.#batcher(this.keys.slotOf(keys[0] ?? '')).add(call);
    return call.outcome;
  }

  /** Makes each charge of a group, taken at the instant `at`, one of the cost of the same index. */
  settle({ slot, keys, targets }: SlotGroup<Charge>, costs: readonly number[], at: number, dueMs: number) {
    return this.topology.masterOf(slot).settle(keys, targets, costs, at, dueMs);
  }

  lease(target: Target, wanted: number, dueMs: number): Promise<LeaseVerdict> {
    const key = this.keys.keyOf(target);
    return this.topology.masterOf(this.keys.slotOf(key)).lease(key, target, wanted, dueMs, this.context.returns);
  }

  delete({ slot, keys }: SlotGroup<Target>, dueMs: number): Promise<void> {
    return this.topology.masterOf(slot).delete(keys, dueMs);
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
