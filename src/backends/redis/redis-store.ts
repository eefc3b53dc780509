import { type Awaitable, isNativePromise } from '../../core/awaitable.js';
import { assertArgumentCount, assertCharge } from '../../core/charge-checks.js';
import { type Clock, systemClock } from '../../core/clock.js';
import type { Charge, Outcome, Receipt, TakenCharge } from '../../core/decision.js';
import { Emitter } from '../../core/emitter.js';
import type { Policy } from '../../core/policy.js';
import type { Strategy } from '../../strategies/strategy.js';
import { type FailureDomains, type Grant, type Target, unknownStrategy } from '../backend.js';
import { BackendError } from '../backend-error.js';
import type { BackendEvent } from '../backend-events.js';
import { assertOneOverrideEach, hasOverrides } from '../overrides/overridden-call.js';
import { UnreadableSettings } from '../overrides/unreadable-settings.js';
import type {
  DecideMode,
  OutcomeListener,
  RemoteBlocks,
  RemoteHolds,
  RemoteSettings,
  RemoteStore,
} from '../remote-store.js';
import { DeadlineQueue } from '../resilience/deadline-queue.js';
import type { DenialCache } from '../resilience/denial-cache.js';
import { DenialCacheLayer } from '../resilience/denial-cache.layer.js';
import { RemoteBackend } from '../resilience/remote.backend.js';
import { beginSettlement } from '../settlement.js';
import { UnitReturns } from '../unit-returns.js';
import { RedisBlocks } from './blocks/redis-blocks.js';
import { ConnectionErrors } from './clients/connection-errors.js';
import type { RedisClient } from './clients/redis-client.js';
import { isTryAgain } from './clients/reply-errors.js';
import { CrossSlotCall } from './cross-slot-call.js';
import { RedisTopology } from './dispatch/redis-topology.js';
import { RedisHolds } from './holds/redis-holds.js';
import { RedisKeys, type SlotGroup } from './redis-keys.js';
import { RedisShards } from './redis-shards.js';
import { undecidedError } from './scripts/call-verdict.js';
import { isOverridable, type PreparedCharge } from './scripts/override-lookup.js';
import { ScriptSet } from './scripts/script-set.js';
import { checkServerSettings } from './server-settings.js';
import { OverridableCharges } from './settings/overridable-charges.js';
import { OverrideReads } from './settings/override-reads.js';
import { RedisSettings } from './settings/redis-settings.js';

export interface RedisStoreOptions {
  /** The beginning of all keys. */
  readonly prefix: string;
  /** True if calls are batched, so that a command may have keys of several slots of a single server. */
  readonly batch: boolean;
  /** A clock that decides instead of the server's: for tests. */
  readonly clock?: Clock | undefined;
  /** Milliseconds after which a reply counts as lost. It bounds no call: each has its own deadline. */
  readonly replyTimeoutMs: number;
  /** The denials that are cached above this store: units that it returns make them obsolete. */
  readonly denials: DenialCache;
}

/**
 * The number of timeouts for returning units. It is background work, and after one late reply the next may be late,
 * too.
 */
const RETURN_TIMEOUTS = 10;

/** A policy that never denies. The ids of all other policies contain an "@". */
const PROBE: Policy = {
  name: 'probe',
  id: 'probe:f1000',
  strategy: 'fixed-window',
  limit: 2 ** 40,
  periodMs: 1000,
  burst: 2 ** 40,
  segments: 1,
};

function probeOf(subject: string): Charge {
  return { policy: PROBE, subject, cost: 1 };
}

/** State in Redis. Scripts decide each call there, by the server's clock. */
export class RedisStore implements RemoteStore {
  readonly clock: Clock;
  readonly holds: RemoteHolds;
  readonly settings: RemoteSettings;
  readonly blocks: RemoteBlocks;
  /** The masters of a Cluster, by address. */
  readonly domains?: FailureDomains;
  readonly #events = new Emitter<BackendEvent>();
  readonly #scripts = new ScriptSet();
  readonly #keys: RedisKeys;
  readonly #overridable: OverridableCharges;
  readonly #blocks: RedisBlocks;
  readonly #returns: UnitReturns;
  readonly #shards: RedisShards;
  readonly #connection: ConnectionErrors;

  constructor(
    private readonly client: RedisClient,
    private readonly options: RedisStoreOptions,
  ) {
    const { prefix, batch, clock, replyTimeoutMs, denials } = options;
    this.clock = clock ?? systemClock;
    this.#keys = new RedisKeys(prefix, client.isCluster === true || !batch);
    const withReturnTimeout = new RemoteBackend(this, RETURN_TIMEOUTS * replyTimeoutMs);
    this.#returns = new UnitReturns(new DenialCacheLayer(withReturnTimeout, denials));
    const unreadable = new UnreadableSettings(this.#events);
    const connection = ConnectionErrors.of(client);
    this.#connection = connection;
    const context = {
      deadlines: new DeadlineQueue(replyTimeoutMs, connection.server),
      events: this.#events,
      connection,
      returns: this.#returns,
      unreadable,
    };
    const topology = new RedisTopology(client, this.#scripts, { ...options, connection });
    const reads = new OverrideReads(this.#keys, topology);
    this.settings = new RedisSettings(this.#keys, topology, reads, unreadable);
    this.#blocks = new RedisBlocks(this.#keys, topology, this.#events, () => systemClock.now());
    this.blocks = this.#blocks;
    this.#overridable = new OverridableCharges(this.#keys, reads);
    this.#shards = new RedisShards(this.#keys, topology, context, options);
    const prepare = (charges: readonly Charge[], dueMs: number) => this.#prepare(charges, dueMs);
    this.holds = new RedisHolds(this.#keys, topology, this.#scripts, context, { prepare, timeoutMs: replyTimeoutMs });
    if (client.isCluster === true) {
      this.domains = {
        of: (targets) => this.#shards.domainsOf(targets),
        all: () => topology.domains(),
      };
    }
  }

  /** Not async: the promise of the queued call is the only one. */
  decide(charges: readonly Charge[], mode: DecideMode, dueMs: number, listener?: OutcomeListener): Promise<Outcome> {
    let prepared: Awaitable<readonly PreparedCharge[]>;
    try {
      prepared = this.#prepare(charges, dueMs);
    } catch (error) {
      return Promise.reject(error);
    }
    const told = mode === 'spend' && hasBlocks(charges) ? this.#blocks.listing(listener) : listener;
    return isNativePromise(prepared)
      ? prepared.then((found) => this.#decidePrepared(found, mode, dueMs, told))
      : this.#decidePrepared(prepared, mode, dueMs, told);
  }

  /** Checks charges, and finds where their overrides are. @throws what `spend` throws */
  #prepare(charges: readonly Charge[], dueMs: number): Awaitable<readonly PreparedCharge[]> {
    this.#assertDecidable(charges);
    if (!hasOverrides(charges)) return charges;
    assertOneOverrideEach(charges);
    return this.#overridable.prepare(charges, dueMs);
  }

  #decidePrepared(
    charges: readonly PreparedCharge[],
    mode: DecideMode,
    dueMs: number,
    listener: OutcomeListener | undefined,
  ): Promise<Outcome> {
    const isOneKey = charges.length === 1 && !isOverridable(charges);
    if (!this.#keys.hasSlots || isOneKey) return this.#shards.decide(charges, mode, dueMs, listener);
    const groups = this.#keys.groupBySlot(charges);
    const outcome =
      groups.length === 1
        ? this.#shards.decide(charges, mode, dueMs)
        : this.#decideGroups(charges, groups, mode, dueMs);
    const decided = outcome.catch(async (error) => {
      // A slot is moving to another master, and some of its keys are there already.
      if (!isTryAgain(error)) throw error;
      const apart = isOverridable(charges) ? await this.#overridable.prepareApart(charges, dueMs) : charges;
      return this.#decideGroups(apart, this.#keys.groupByKey(apart), mode, dueMs);
    });
    return decided.then((whole) => {
      listener?.learn(charges, whole);
      return whole;
    });
  }

  async settle(receipt: Receipt, costs: readonly number[], dueMs: number): Promise<void> {
    if (!beginSettlement(receipt, costs)) return;
    const limited = receipt.charges.flatMap((charge, i) =>
      charge.rate === 'unlimited' ? [] : [{ ...charge, at: receipt.instants?.[i] ?? receipt.at, to: costs[i] ?? 0 }],
    );
    await Promise.all(
      this.#keys.groupBySlot(limited).map((group) => {
        const at = group.targets[0]?.at ?? receipt.at;
        return this.#shards.settle(
          group,
          group.targets.map(({ to }) => to),
          at,
          dueMs,
        );
      }),
    );
  }

  async credit(charges: readonly TakenCharge[], dueMs: number): Promise<void> {
    this.#assertDecidable(charges);
    const limited = charges.filter(({ rate }) => rate !== 'unlimited');
    await Promise.all(
      this.#keys.groupBySlot(limited).map((group) => {
        const nothing = group.targets.map(() => 0);
        return this.#shards.settle(group, nothing, undefined, dueMs);
      }),
    );
  }

  async reset(targets: readonly Target[], dueMs: number): Promise<void> {
    await Promise.all(this.#keys.groupBySlot(targets).map((group) => this.#shards.delete(group, dueMs)));
  }

  async lease(target: Target, wanted: number, dueMs: number): Promise<Grant> {
    const verdict = await this.#shards.lease(target, wanted, dueMs);
    if (verdict.kind !== 'decided') throw undecidedError(verdict, [target], this.#events);
    return verdict.grant;
  }

  /**
   * Takes a unit of the probe policy on the slot of each subject: reading also works on a server that refuses to write.
   * Without charges, as at startup, on any slot, as soon as there is a connection.
   */
  async probe(charges: readonly Charge[], dueMs: number): Promise<void> {
    if (charges.length === 0) return this.#probeAny(dueMs);
    // On a Cluster a master may have failed that has an override of the charge, and not its budget.
    const others = (charge: Charge) => (this.#keys.hasSlots ? (charge.overriddenBy ?? []) : []);
    const subjects = [...new Set(charges.flatMap((charge) => [charge.subject, ...others(charge)]))];
    await this.decide(subjects.map(probeOf), 'spend', dueMs);
  }

  use(strategies: readonly Strategy[]): void {
    this.#scripts.use(strategies);
  }

  listen(listener: (event: BackendEvent) => void): void {
    this.#events.listen(listener);
  }

  /** Returns the settings of client and server that would charge twice, hang, or lose counters. */
  warnings(dueMs: number): Promise<readonly string[]> {
    return checkServerSettings(this.client, dueMs);
  }

  async close(): Promise<void> {
    this.#shards.close();
  }

  async #probeAny(dueMs: number): Promise<void> {
    const charges = [probeOf('startup')];
    try {
      await this.decide(charges, 'spend', dueMs);
    } catch (error) {
      // A client that was made a moment ago is not connected yet, and rejects calls at once. A startup that keeps the
      // event loop busy uses up any deadline before the connection is there, so both waits begin now.
      if (this.client.status === 'ready' && isOverdue(error)) throw error;
      const { replyTimeoutMs } = this.options;
      if (!(await this.#connection.opensWithin(replyTimeoutMs))) throw this.#connection.explain(error);
      await this.decide(charges, 'spend', systemClock.now() + replyTimeoutMs);
    }
  }

  #decideGroups(
    charges: readonly Charge[],
    groups: readonly SlotGroup<Charge>[],
    mode: DecideMode,
    dueMs: number,
  ): Promise<Outcome> {
    const { replyTimeoutMs } = this.options;
    const call = new CrossSlotCall(charges, groups, dueMs, this.#shards, this.#returns, replyTimeoutMs);
    return mode === 'spend' ? call.spend() : call.peek();
  }

  #assertDecidable(charges: readonly Charge[]): void {
    for (const charge of charges) {
      assertCharge(charge);
      const { policy } = charge;
      if (!this.#scripts.knows(policy)) throw unknownStrategy(policy);
      assertArgumentCount(charge, this.#scripts.argumentCount(policy));
    }
  }
}

/** Returns true for the error of a call that was sent, and not answered in time. */
function isOverdue(error: unknown): boolean {
  return error instanceof BackendError && error.code === 'TIMEOUT';
}

function hasBlocks(charges: readonly Charge[]): boolean {
  for (const { policy } of charges) if (policy.block !== undefined) return true;
  return false;
}
