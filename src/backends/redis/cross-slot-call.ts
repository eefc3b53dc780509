import { bindingOf, type Charge, type Decision, type Outcome, type Receipt } from '../../core/decision.js';

/** The charges of a call that are on one slot, and where they stand in the call. */
export interface Group {
  readonly charges: readonly Charge[];
  readonly indexes: readonly number[];
}

/** How one slot is asked, and how what it took is given back. */
export interface Asking {
  ask(charges: readonly Charge[], takes: boolean): Promise<Outcome>;
  giveBack(receipts: readonly Receipt[]): Promise<unknown>;
}

/**
 * Charges slot by slot. What one slot took is given back when a later one denies or fails: until then others may be
 * denied, but never are too many admitted.
 */
export async function spendAcrossSlots(
  asking: Asking,
  charges: readonly Charge[],
  groups: readonly Group[],
): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  const taken = () => outcomes.flatMap(({ receipt }) => receipt ?? []);
  for (const group of groups) {
    const outcome = await asking.ask(group.charges, true).catch(async (error: unknown) => {
      // Not waited for: the call has failed already, and its answer is due.
      asking.giveBack(taken()).catch(() => undefined);
      throw error;
    });
    outcomes.push(outcome);
    if (!outcome.allowed) return denied(asking, charges, groups, outcomes, taken());
  }
  return merge(charges, groups, outcomes);
}

/** The answer that `spendAcross` would give. */
export async function peekAcrossSlots(
  asking: Asking,
  charges: readonly Charge[],
  groups: readonly Group[],
): Promise<Outcome> {
  const outcomes = await Promise.all(groups.map((group) => asking.ask(group.charges, false)));
  return outcomes.every(({ allowed }) => allowed)
    ? merge(charges, groups, outcomes)
    : standing(asking, charges, groups, outcomes);
}

async function denied(
  asking: Asking,
  charges: readonly Charge[],
  groups: readonly Group[],
  outcomes: readonly Outcome[],
  taken: readonly Receipt[],
): Promise<Outcome> {
  await asking.giveBack(taken);
  const rest = groups.slice(outcomes.length);
  const later = await Promise.all(rest.map((group) => asking.ask(group.charges, false)));
  return standing(asking, charges, groups, [...outcomes, ...later]);
}

/** A denied call: what would have allowed is told as it stands, at a cost of 0. */
async function standing(
  asking: Asking,
  charges: readonly Charge[],
  groups: readonly Group[],
  outcomes: readonly Outcome[],
): Promise<Outcome> {
  const told = await Promise.all(
    outcomes.map((outcome, i) => {
      const free = groups[i]?.charges.map((charge) => ({ ...charge, cost: 0 })) ?? [];
      return outcome.allowed ? asking.ask(free, false) : outcome;
    }),
  );
  return merge(charges, groups, told);
}

function merge(charges: readonly Charge[], groups: readonly Group[], outcomes: readonly Outcome[]): Outcome {
  const places = groups.flatMap(({ indexes }, g) => indexes.map((index, i) => ({ index, outcome: outcomes[g], i })));
  places.sort((a, b) => a.index - b.index);
  const decisions: readonly Decision[] = places.flatMap(({ outcome, i }) => outcome?.decisions[i] ?? []);
  const allowed = decisions.every((decision) => decision.allowed);
  const merged: Outcome = { allowed, decisions, binding: bindingOf(decisions) };
  const taken = outcomes.flatMap(({ receipt }) => receipt?.at ?? []);
  if (!allowed || taken.length === 0) return merged;
  const at = Math.max(...taken);
  if (taken.every((instant) => instant === at)) return { ...merged, receipt: { at, charges } };
  return { ...merged, receipt: { at, charges, instants: places.map(({ outcome }) => outcome?.receipt?.at ?? at) } };
}
