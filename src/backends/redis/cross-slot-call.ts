import { bindingOf, type Charge, type Decision, type Outcome, type Receipt } from '../../core/decision.js';
import { receiptOf } from '../../core/receipt.js';
import { withDeadline } from '../resilience/with-deadline.js';
import type { UnitReturns } from '../unit-returns.js';
import { timeoutError } from './clients/reply-errors.js';
import type { SlotGroup } from './redis-keys.js';
import type { RedisShards } from './redis-shards.js';

/**
 * A call whose charges are on several slots, or on keys of a slot that is moving to another master: no script can decide them
 * at one instant. The groups are charged one after the other. If a later one denies or fails, the units that earlier ones took are returned: until then other calls may be
 * denied, but the limit is never exceeded. An error tells the master that failed.
 */
export class CrossSlotCall {
  constructor(
    private readonly charges: readonly Charge[],
    private readonly groups: readonly SlotGroup<Charge>[],
    private readonly dueMs: number,
    private readonly shards: RedisShards,
    private readonly returns: UnitReturns,
    private readonly timeoutMs: number,
  ) {}

  async spend(): Promise<Outcome> {
    const outcomes: Outcome[] = [];
    for (const { targets } of this.groups) {
      const outcome = await this.#charge(targets, outcomes);
      outcomes.push(outcome);
      if (!outcome.allowed) return this.#denied(outcomes);
    }
    return this.#merge(outcomes);
  }

  /** Returns the outcome that `spend` would have, and takes nothing. */
  async peek(): Promise<Outcome> {
    const outcomes = await this.#peekGroups(this.groups);
    return outcomes.every(({ allowed }) => allowed)
      ? this.#merge(outcomes)
      : this.#merge(await this.#unspent(outcomes));
  }

  async #charge(charges: readonly Charge[], earlier: readonly Outcome[]): Promise<Outcome> {
    try {
      return await this.shards.decide(charges, 'spend', this.dueMs);
    } catch (error) {
      // Not awaited: the call has failed, and its caller is to know at once.
      void this.#returnUnits(earlier);
      throw error;
    }
  }

  async #denied(outcomes: readonly Outcome[]): Promise<Outcome> {
    await withDeadline(this.#returnUnits(outcomes), this.dueMs, () => timeoutError(this.timeoutMs));
    const others = await this.#peekGroups(this.groups.slice(outcomes.length));
    return this.#merge(await this.#unspent([...outcomes, ...others]));
  }

  #peekGroups(groups: readonly SlotGroup<Charge>[]): Promise<Outcome[]> {
    return Promise.all(groups.map(({ targets }) => this.shards.decide(targets, 'peek', this.dueMs)));
  }

  /** In a denied call, policies that would have allowed it report their current state, as at cost 0. */
  #unspent(outcomes: readonly Outcome[]): Promise<Outcome[]> {
    return Promise.all(
      outcomes.map((outcome, i) => {
        if (!outcome.allowed) return outcome;
        const free = this.groups[i]?.targets.map((charge) => ({ ...charge, cost: 0 })) ?? [];
        return this.shards.decide(free, 'peek', this.dueMs);
      }),
    );
  }

  async #returnUnits(outcomes: readonly Outcome[]): Promise<void> {
    await Promise.all(receiptsOf(outcomes).map((receipt) => this.returns.start(receipt)));
  }

  /** Joins the outcomes of the groups: the decisions in the order of the charges, and one receipt for all of them. */
  #merge(outcomes: readonly Outcome[]): Outcome {
    const { charges } = this;
    const positions = this.groups.flatMap(({ indexes }, g) =>
      indexes.map((index, i) => ({ index, outcome: outcomes[g], i })),
    );
    positions.sort((a, b) => a.index - b.index);
    const decisions: readonly Decision[] = positions.flatMap(({ outcome, i }) => outcome?.decisions[i] ?? []);
    const allowed = decisions.every((decision) => decision.allowed);
    const merged: Outcome = { allowed, decisions, binding: bindingOf(decisions) };
    const taken = receiptsOf(outcomes).map(({ at }) => at);
    if (!allowed || taken.length === 0) return merged;
    const at = Math.max(...taken);
    if (taken.every((instant) => instant === at)) return { ...merged, receipt: receiptOf(at, charges) };
    const instants = positions.map(({ outcome }) => outcome?.receipt?.at ?? at);
    return { ...merged, receipt: receiptOf(at, charges, { instants }) };
  }
}

function receiptsOf(outcomes: readonly Outcome[]): readonly Receipt[] {
  return outcomes.flatMap(({ receipt }) => receipt ?? []);
}
