import {
  bindingOf,
  type Charge,
  type Decision,
  isMonitored,
  type Outcome,
  type Receipt,
  type TakenCharge,
} from '../../core/decision.js';
import { receiptOf } from '../../core/receipt.js';
import { withDeadline } from '../resilience/with-deadline.js';
import type { UnitReturns } from '../unit-returns.js';
import { timeoutError } from './clients/reply-errors.js';
import type { SlotGroup } from './redis-keys.js';
import type { RedisShards } from './redis-shards.js';
import { isOverridable, type PreparedCharge, takenCharge } from './scripts/override-lookup.js';

/** Charges of a call on one slot, and their positions in the call. */
type Part = Pick<SlotGroup<Charge>, 'targets' | 'indexes'>;

/**
 * A call whose charges are on several slots, or on keys of a slot that is moving to another master: no script can
 * decide them at one instant. The groups are charged one after the other. If a later one denies or fails, the units
 * that earlier ones took are returned: until then other calls may be denied, but the limit is never exceeded. Monitored
 * charges are decided after all groups have passed. An error names the master that failed.
 */
export class CrossSlotCall {
  /** The enforced and the recorded charges, by slot; and the monitored ones. */
  readonly #first: readonly Part[];
  readonly #monitored: readonly Part[];

  constructor(
    private readonly charges: readonly PreparedCharge[],
    private readonly groups: readonly SlotGroup<Charge>[],
    private readonly dueMs: number,
    private readonly shards: Pick<RedisShards, 'decide'>,
    private readonly returns: Pick<UnitReturns, 'start'>,
    private readonly timeoutMs: number,
  ) {
    this.#first = partsOf(groups, (charge) => !isMonitored(charge));
    this.#monitored = partsOf(groups, isMonitored);
  }

  async spend(): Promise<Outcome> {
    const outcomes: Outcome[] = [];
    for (const { targets } of this.#first) {
      const outcome = await this.#charge(targets, outcomes);
      outcomes.push(outcome);
      if (!outcome.allowed) return this.#denied(outcomes);
    }
    for (const { targets } of this.#monitored) outcomes.push(await this.#charge(targets, outcomes));
    return this.#merge(outcomes);
  }

  /** Returns the outcome that `spend` would have, and takes nothing. */
  async peek(): Promise<Outcome> {
    const outcomes = await this.#peekParts(this.#first);
    return outcomes.every(({ allowed }) => allowed)
      ? this.#merge([...outcomes, ...(await this.#monitoredAfterOthers())])
      : this.#merge([...(await this.#unspent(outcomes)), ...(await this.#monitoredAlone())]);
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
    const others = await this.#peekParts(this.#first.slice(outcomes.length));
    return this.#merge([...(await this.#unspent([...outcomes, ...others])), ...(await this.#monitoredAlone())]);
  }

  #peekParts(parts: readonly Part[]): Promise<Outcome[]> {
    return Promise.all(parts.map(({ targets }) => this.shards.decide(targets, 'peek', this.dueMs)));
  }

  /** In a denied call, policies that would have allowed it report their current state, as at cost 0. */
  #unspent(outcomes: readonly Outcome[]): Promise<Outcome[]> {
    return Promise.all(
      outcomes.map((outcome, i) => {
        if (!outcome.allowed) return outcome;
        const free = this.#first[i]?.targets.map((charge) => ({ ...charge, cost: 0 })) ?? [];
        return this.shards.decide(free, 'peek', this.dueMs);
      }),
    );
  }

  /** Peeks at the monitored charges of an allowed call, each slot with its other charges. */
  #monitoredAfterOthers(): Promise<Outcome[]> {
    return Promise.all(
      this.#monitored.map(async ({ indexes }) => {
        const group = this.groups.find((one) => one.indexes.includes(indexes[0] ?? -1));
        const { decisions } = await this.shards.decide(group?.targets ?? [], 'peek', this.dueMs);
        return monitoredOutcome(decisions.filter(({ mode }) => mode === 'monitor'));
      }),
    );
  }

  /** Peeks at each monitored charge of a denied call by itself: what would be allowed is reported as at cost 0. */
  #monitoredAlone(): Promise<Outcome[]> {
    const alone = async (charge: Charge) => {
      const { decisions } = await this.shards.decide([charge], 'peek', this.dueMs);
      if (decisions[0]?.allowed === false || charge.cost === 0) return decisions;
      return (await this.shards.decide([{ ...charge, cost: 0 }], 'peek', this.dueMs)).decisions;
    };
    return Promise.all(
      this.#monitored.map(async ({ targets }) => monitoredOutcome((await Promise.all(targets.map(alone))).flat())),
    );
  }

  async #returnUnits(outcomes: readonly Outcome[]): Promise<void> {
    await Promise.all(receiptsOf(outcomes).map((receipt) => this.returns.start(receipt)));
  }

  /** Joins the outcomes of all parts: the decisions in the order of the charges, and one receipt for all of them. */
  #merge(outcomes: readonly Outcome[]): Outcome {
    const positions = [...this.#first, ...this.#monitored].flatMap(({ indexes }, part) =>
      indexes.map((index, i) => ({ index, outcome: outcomes[part], i })),
    );
    positions.sort((a, b) => a.index - b.index);
    const decisions: readonly Decision[] = positions.flatMap(({ outcome, i }) => outcome?.decisions[i] ?? []);
    const allowed = decisions.every((decision) => decision.allowed || decision.mode === 'monitor');
    const merged: Outcome = { allowed, decisions, binding: bindingOf(decisions) };
    const taken = receiptsOf(outcomes).map(({ at }) => at);
    if (!allowed || taken.length === 0) return merged;
    const at = Math.max(...taken);
    const charges = this.#takenOf(decisions);
    if (taken.every((instant) => instant === at)) return { ...merged, receipt: receiptOf(at, charges) };
    const instants = positions.map(({ outcome }) => outcome?.receipt?.at ?? at);
    return { ...merged, receipt: receiptOf(at, charges, { instants }) };
  }

  #takenOf(decisions: readonly Decision[]): readonly TakenCharge[] {
    const isUnchanged = !isOverridable(this.charges) && decisions.every(({ allowed }) => allowed);
    if (isUnchanged) return this.charges;
    return this.charges.map((charge, i) => {
      const decision = decisions[i];
      return decision === undefined ? charge : takenCharge(charge, decision);
    });
  }
}

function monitoredOutcome(decisions: readonly Decision[]): Outcome {
  return { allowed: true, decisions, binding: null };
}

/** Returns the charges of each group that fulfil a condition, without the groups that have none. */
function partsOf(groups: readonly SlotGroup<Charge>[], isPart: (charge: Charge) => boolean): readonly Part[] {
  return groups
    .map(({ targets, indexes }) => {
      const chosen = targets
        .map((charge, i) => ({ charge, index: indexes[i] ?? 0 }))
        .filter(({ charge }) => isPart(charge));
      return { targets: chosen.map(({ charge }) => charge), indexes: chosen.map(({ index }) => index) };
    })
    .filter(({ targets }) => targets.length > 0);
}

function receiptsOf(outcomes: readonly Outcome[]): readonly Receipt[] {
  return outcomes.flatMap(({ receipt }) => receipt ?? []);
}
