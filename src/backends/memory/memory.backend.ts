import { assertArgumentCount, assertCharge } from '../../core/charge-checks.js';
import { type Clock, systemClock } from '../../core/clock.js';
import { type Charge, isMonitored, type Outcome, type Receipt, type TakenCharge } from '../../core/decision.js';
import { Emitter } from '../../core/emitter.js';
import { invalidValue, ThrottleConfigError } from '../../core/errors.js';
import type { Policy } from '../../core/policy.js';
import { BUILT_IN_STRATEGIES } from '../../strategies/built-in-strategies.js';
import { argumentCountOf, type Strategy } from '../../strategies/strategy.js';
import type { Backend, Target } from '../backend.js';
import type { BackendEvent } from '../backend-events.js';
import type { BlockStore } from '../blocks/block-store.js';
import type { SynchronousHoldStore } from '../hold-store.js';
import { assertOneOverrideEach, decideOverridden, hasOverrides } from '../overrides/overridden-call.js';
import { OverriddenPolicies } from '../overrides/overridden-policy.js';
import { UnreadableSettings } from '../overrides/unreadable-settings.js';
import type { SettingsStore } from '../settings-store.js';
import { beginSettlement } from '../settlement.js';
import { conclude } from './all-or-none.js';
import { amendCharge, creditCharge } from './amend-charge.js';
import { blocksIn, type CallBlocks } from './blocks/call-blocks.js';
import { MemoryBlocks } from './blocks/memory-blocks.js';
import { evaluateCharges } from './charge-evaluation.js';
import { spendFast, takeFast } from './fast-path.js';
import { MemoryHolds } from './memory-holds.js';
import { MemorySettings } from './memory-settings.js';
import { MemoryStore } from './memory-store.js';
import { decideMonitored } from './monitored-charges.js';

/** Options of `MemoryBackend`. */
export interface MemoryBackendOptions {
  /** The clock that decides. Default: that of the process, monotonic. */
  readonly clock?: Clock;
  /**
   * The maximum number of subjects, over all policies; at least 1. Half of it is reserved in equal parts: one for each
   * policy that is announced, as the module does with those that are known at startup, and one for all others together.
   * Default: 1 000 000.
   */
  readonly maxKeys?: number;
}

/**
 * Keeps state in this process. Synchronous: returns values and not promises. When `maxKeys` is reached, or the keys
 * that are not reserved for other policies are used up, expired subjects are dropped first. If there are none, new
 * subjects of the policy share one overflow budget. So a flood on one policy takes nothing from the others.
 *
 * @throws ThrottleConfigError for an invalid option
 * @example
 * const backend = new MemoryBackend({ maxKeys: 100_000 });
 */
export class MemoryBackend implements Backend {
  readonly clock: Clock;
  readonly holds: SynchronousHoldStore;
  readonly settings: SettingsStore;
  readonly blocks: BlockStore;
  readonly #blocks: MemoryBlocks;
  readonly #strategies = new Map<string, Strategy>(BUILT_IN_STRATEGIES.map((strategy) => [strategy.name, strategy]));
  readonly #events = new Emitter<BackendEvent>();
  readonly #store: MemoryStore;
  readonly #holds: MemoryHolds;
  readonly #settings: MemorySettings;
  readonly #overridden = new OverriddenPolicies();

  constructor({ clock = systemClock, maxKeys = 1_000_000 }: MemoryBackendOptions = {}) {
    if (!Number.isSafeInteger(maxKeys) || maxKeys < 1) {
      throw invalidValue('MemoryBackend: maxKeys', 'a whole number of at least 1', maxKeys);
    }
    this.clock = clock;
    this.#settings = new MemorySettings(clock, new UnreadableSettings(this.#events));
    this.settings = this.#settings;
    this.#store = new MemoryStore(clock, maxKeys, this.#strategies, this.#events);
    this.#holds = new MemoryHolds(
      this.#store,
      clock,
      (charges, now, writes) =>
        (writes ? spendFast(this.#store, charges, now) : undefined) ?? this.#decide(charges, now, writes),
    );
    this.holds = this.#holds;
    this.#blocks = new MemoryBlocks(this.#store, clock);
    this.blocks = this.#blocks;
  }

  spend(charges: readonly Charge[]): Outcome {
    const now = this.clock.now();
    return spendFast(this.#store, charges, now) ?? this.#decide(charges, now, true);
  }

  /**
   * Takes one charge at an instant without an outcome, to count a charge that was decided elsewhere. Returns false if
   * it has taken nothing: the charge is denied, or is not of the most frequent kind. Then call `spend`.
   *
   * @param at the instant in epoch milliseconds
   * @example
   * if (!backend.take({ policy, subject: 'user:42', cost: 1 }, receipt.at)) backend.spend([{ policy, subject: 'user:42', cost: 1 }]);
   */
  take(charge: Charge, at: number): boolean {
    return takeFast(this.#store, charge, at);
  }

  /**
   * Notes a block that was decided elsewhere, under a policy with `block`. While the store is full, blocks of new
   * subjects are not noted.
   *
   * @param forMs milliseconds from now on; 0: the subject is not blocked
   * @param strikes if the policy has begun the block just now, how many it has begun. Default: those that are known
   *   stay
   * @example
   * backend.noteBlock({ policy: login, subject: 'user:42' }, 600_000, 1);
   */
  noteBlock(target: Target, forMs: number, strikes?: number): void {
    this.#blocks.noteBlock(target, forMs, strikes);
  }

  peek(charges: readonly Charge[]): Outcome {
    return this.#decide(charges, this.clock.now(), false);
  }

  settle(receipt: Receipt, costs: readonly number[]): void {
    if (!beginSettlement(receipt, costs)) return;
    const now = this.clock.now();
    receipt.charges.forEach((charge, i) => {
      const { rate, ...taken } = charge;
      if (rate === 'unlimited') return;
      const limited = rate === undefined ? charge : { ...taken, policy: this.#overridden.of(charge.policy, rate) };
      amendCharge(this.#store, limited, receipt.instants?.[i] ?? receipt.at, costs[i] ?? charge.cost, now);
    });
  }

  credit(charges: readonly TakenCharge[]): void {
    for (const charge of charges) {
      assertCharge(charge);
      this.#assertTakeable(charge);
    }
    const now = this.clock.now();
    for (const charge of charges) {
      const { rate, ...given } = charge;
      if (rate === 'unlimited') continue;
      creditCharge(this.#store, { ...given, policy: this.#overridden.of(charge.policy, rate) }, now);
    }
  }

  reset(targets: readonly Target[]): void {
    for (const target of targets) {
      this.#store.remove(target.policy, target.subject);
      if (target.policy.held !== undefined) this.#holds.remove(target);
    }
  }

  announce(policies: readonly Policy[]): void {
    this.#store.announce(policies);
  }

  use(strategies: readonly Strategy[]): void {
    for (const strategy of strategies) {
      const known = this.#strategies.get(strategy.name);
      if (known !== undefined && known !== strategy) {
        throw new ThrottleConfigError(
          'SLUICE_DUPLICATE_STRATEGY',
          `MemoryBackend: a strategy named "${strategy.name}" already exists. Rename yours.`,
        );
      }
      this.#strategies.set(strategy.name, strategy);
    }
  }

  listen(listener: (event: BackendEvent) => void): void {
    this.#events.listen(listener);
  }

  /** Stops the sweep. A later charge starts it again. */
  async close(): Promise<void> {
    this.#store.close();
  }

  /** The number of stored subjects, over all policies. */
  get size(): number {
    return this.#store.size;
  }

  /** The number of budgets that use memory. The sweep drops budgets that are over. */
  get budgets(): number {
    return this.#store.tableCount;
  }

  /** Decides any call. */
  #decide(charges: readonly Charge[], now: number, writes: boolean): Outcome {
    for (const charge of charges) assertCharge(charge);
    for (const charge of charges) this.#assertTakeable(charge);
    if (!hasOverrides(charges)) return this.#decideTakeable(charges, now, writes);
    assertOneOverrideEach(charges);
    return decideOverridden(
      charges,
      (charge) => this.#settings.rateFor(charge, now),
      this.#overridden,
      (limited) =>
        (writes ? spendFast(this.#store, limited, now) : undefined) ?? this.#decideTakeable(limited, now, writes),
    );
  }

  #decideTakeable(charges: readonly Charge[], now: number, writes: boolean): Outcome {
    const blocks = blocksIn(this.#store, charges, now);
    const outcome = this.#decideUnderBlocks(charges, now, writes, blocks);
    if (writes) blocks?.write();
    return outcome;
  }

  #decideUnderBlocks(charges: readonly Charge[], now: number, writes: boolean, blocks?: CallBlocks): Outcome {
    if (charges.some(isMonitored)) return decideMonitored(this.#store, charges, now, writes, blocks);
    const evaluated = evaluateCharges(this.#store, charges, now, blocks);
    blocks?.conclude(
      charges,
      evaluated.every(({ result }) => result.decision.allowed),
    );
    return conclude(this.#store, charges, evaluated, now, writes, blocks);
  }

  /** Throws for a charge that needs something that this backend or its strategy does not support. */
  #assertTakeable(charge: Charge): void {
    assertArgumentCount(charge, argumentCountOf(this.#store.tableOf(charge.policy).strategy));
  }
}
