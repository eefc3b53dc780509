import type { Awaitable } from '../../core/awaitable.js';
import { type Clock, systemClock } from '../../core/clock.js';
import { assertCost, type Charge, NOTHING_TO_CHARGE, type Outcome, type Receipt } from '../../core/decision.js';
import { ThrottleConfigError } from '../../core/errors.js';
import type { Policy } from '../../core/policy.js';
import type { Strategy } from '../../strategies/strategy.js';
import { type Backend, type Grant, type Target, unknownStrategy } from '../backend.js';
import { BackendError } from '../backend-error.js';
import type { BackendEvent } from '../backend-events.js';
import { DENIAL_CACHE_MS, DenialCache, MAX_DENIALS } from '../resilience/denial-cache.js';
import { assertSettlement } from '../settlement.js';
import type { RedisClient } from './clients/redis-client.js';
import { type Asking, type Group, peekAcrossSlots, spendAcrossSlots } from './cross-slot-call.js';
import { RedisNode } from './dispatch/redis-node.js';
import type { RedisBackendOptions } from './redis-options.js';
import { type CallVerdict, groupBy } from './scripts/lease-codec.js';
import { checkServerSettings } from './server-settings.js';

/** Never denies, and no other policy's id is without an "@". */
const PROBE: Policy = {
  name: 'probe',
  id: 'probe',
  strategy: 'fixed-window',
  limit: 2 ** 40,
  periodMs: 1000,
  burst: 2 ** 40,
  segments: 1,
  shape: 'fixed-window 1000 1',
};

/** State in Redis: each call is decided there, by the server's clock. What `RedisBackend` asks beneath its leases. */
export class RedisStore implements Backend {
  readonly remote = true;
  readonly #line: RedisNode;
  readonly #clock: Clock | undefined;
  readonly #denials: DenialCache;
  readonly #listeners: ((event: BackendEvent) => void)[] = [];

  constructor(
    private readonly client: RedisClient,
    options: RedisBackendOptions,
  ) {
    this.#clock = options.clock;
    if (options.onEvent !== undefined) this.#listeners.push(options.onEvent);
    this.#line = new RedisNode(client, options, (verdict, charges) => this.#outcomeOf(verdict, charges));
    const { denyMemoryMs = DENIAL_CACHE_MS, maxDenials = MAX_DENIALS } = options;
    this.#denials = new DenialCache(denyMemoryMs, maxDenials, () => this.clock.now());
  }

  /** By which held calls wait, where an instant of one's own decides. */
  get clock(): Clock {
    return this.#clock ?? systemClock;
  }

  /** What is remembered is known at once. */
  spend(charges: readonly Charge[]): Awaitable<Outcome> {
    try {
      if (charges.length === 0) return NOTHING_TO_CHARGE;
      this.#assertDecidable(charges);
      return this.#denials.get(charges) ?? this.#denials.learn(charges, () => this.#spend(charges));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async peek(charges: readonly Charge[]): Promise<Outcome> {
    this.#assertDecidable(charges);
    return peekAcrossSlots(this.#asking(this.#line.due()), charges, this.#groupsOf(charges));
  }

  async settle(receipt: Receipt, costs: readonly number[]): Promise<void> {
    assertSettlement(receipt, costs);
    this.#denials.invalidate(receipt.charges);
    const dueMs = this.#line.due();
    const groups = this.#groupsOf(receipt.charges);
    await Promise.all(
      groups.map(({ charges, indexes }) => {
        const at = receipt.instants?.[indexes[0] ?? 0] ?? receipt.at;
        const settled = indexes.map((i) => costs[i] ?? 0);
        return this.#line.settle(charges, settled, at, dueMs);
      }),
    );
  }

  async reset(targets: readonly Target[]): Promise<void> {
    this.#denials.invalidate(targets);
    const dueMs = this.#line.due();
    const keys = targets.map((target) => this.#line.keyOf(target));
    const groups = groupBy(keys, (key) => this.#line.placeOf(key));
    await Promise.all(
      groups.map((indexes) =>
        this.#line.drop(
          indexes.map((i) => keys[i] ?? ''),
          dueMs,
        ),
      ),
    );
  }

  async lease(target: Target, wanted: number): Promise<Grant> {
    const leased = await this.#line.lease(target, wanted, this.#line.due());
    if (leased.kind !== 'decided') throw this.#failure(leased.kind, [target]);
    if (leased.was !== undefined) this.#tell({ type: 'started-afresh', policy: target.policy.name, was: leased.was });
    return leased.grant;
  }

  /** Takes from a budget of nobody's beside the state of each subject: reading alone works where writing fails. */
  async probe(charges: readonly Charge[]): Promise<void> {
    const subjects = new Set(charges.map(({ subject }) => subject));
    await this.spend([...subjects].map((subject) => ({ policy: PROBE, subject, cost: 1 })));
  }

  use(strategies: readonly Strategy[]): void {
    const without = strategies.find(({ lua }) => lua === undefined);
    if (without !== undefined) {
      throw new ThrottleConfigError(
        `RedisBackend: the strategy "${without.name}" has no Lua twin, and Redis runs strategies where the state is. Give defineStrategy a \`lua\`.`,
      );
    }
    this.#line.use(strategies);
  }

  listen(listener: (event: BackendEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** What of the client's and the server's settings would charge twice, hang, or forget counters. */
  warnings(): Promise<readonly string[]> {
    return checkServerSettings(this.client, this.#line.timeoutMs);
  }

  async close(): Promise<void> {
    this.#line.close();
  }

  #spend(charges: readonly Charge[]): Promise<Outcome> {
    const dueMs = this.#line.due();
    if (!this.#line.isSplit) return this.#line.decide(charges, true, dueMs);
    const groups = this.#groupsOf(charges);
    return groups.length === 1
      ? this.#line.decide(charges, true, dueMs)
      : spendAcrossSlots(this.#asking(dueMs), charges, groups);
  }

  #groupsOf(charges: readonly Charge[]): readonly Group[] {
    return groupBy(charges, (charge) => this.#line.placeOf(this.#line.keyOf(charge))).map((indexes) => ({
      indexes,
      charges: indexes.flatMap((i) => charges[i] ?? []),
    }));
  }

  #asking(dueMs: number): Asking {
    return {
      ask: (charges, takes) => this.#line.decide(charges, takes, dueMs),
      giveBack: (receipts) => {
        const given = receipts.map((receipt) =>
          this.settle(
            receipt,
            receipt.charges.map(() => 0),
          ),
        );
        return this.#line.inTime(Promise.allSettled(given), dueMs);
      },
    };
  }

  #outcomeOf(verdict: CallVerdict, charges: readonly Charge[]): Outcome {
    if (verdict.kind !== 'decided') throw this.#failure(verdict.kind, charges);
    for (const { policy, was } of verdict.leftBehind) this.#tell({ type: 'started-afresh', policy, was });
    return verdict.outcome;
  }

  #assertDecidable(charges: readonly Charge[]): void {
    for (const { cost, policy } of charges) {
      assertCost(cost, `a charge of "${policy.name}"`);
      if (!this.#line.knows(policy)) throw unknownStrategy(policy);
    }
  }

  #failure(kind: 'late' | 'garbage', targets: readonly Target[]): BackendError {
    if (kind === 'late') return new BackendError('LATE', 'Redis was asked too late to answer in time');
    this.#tell({ type: 'garbage', policies: targets.map(({ policy }) => policy.name) });
    return new BackendError('GARBAGE', 'Redis held something else under a key, which was deleted');
  }

  #tell(event: BackendEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
