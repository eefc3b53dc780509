import { type Awaitable, chain } from '../../core/awaitable.js';
import { bindingOf, type Charge, type Decision, type Outcome } from '../../core/decision.js';
import type { Backend } from '../backend.js';
import { allowedBy, deniedBy, withHeld } from './lease-decision.js';
import { coverageOf, type LeaseManager } from './lease-manager.js';
import type { Lease } from './lease-table.js';

/** What one charge of a call comes to: known here, or to be asked for, less what is held. */
type PeekedCharge =
  | { readonly decision: Decision; readonly standing: Decision | undefined }
  | { readonly ask: Charge; readonly held: number; readonly isLeased: boolean };

/** The answer that spending would give, held units included; nothing is written, or leased. */
export function peekLeased(
  charges: readonly Charge[],
  backend: Pick<Backend, 'peek'>,
  leases: Pick<LeaseManager, 'find'>,
  isLeased: (charge: Charge) => boolean,
  now: number,
): Awaitable<Outcome> {
  const drafts = charges.map((charge, i): PeekedCharge => {
    if (!isLeased(charge)) return { ask: charge, held: 0, isLeased: false };
    const lease = leases.find(charge.policy, charge.subject);
    return draftOf(charge, upTo(charges, i), lease, now);
  });
  const asked = drafts.flatMap((draft) => ('ask' in draft ? draft.ask : []));
  const isDenied = drafts.some((draft) => 'decision' in draft && !draft.decision.allowed);
  if (asked.length === 0) return outcomeOf(drafts, [], !isDenied);
  return chain(backend.peek(asked), (outcome) => {
    if (!outcome.allowed || !isDenied) return outcomeOf(drafts, outcome.decisions, outcome.allowed);
    // What would have allowed says so as it stands.
    const free = asked.map((charge) => ({ ...charge, cost: 0 }));
    return chain(backend.peek(free), ({ decisions }) => outcomeOf(drafts, decisions, false));
  });
}

/** What a call's charges on the key of the charge at `index` come to, up to that one. */
export function upTo(charges: readonly Charge[], index: number): number {
  const last = charges[index];
  let total = 0;
  for (let i = 0; i <= index; i++) {
    const charge = charges[i];
    if (charge?.subject === last?.subject && charge?.policy.id === last?.policy.id) total += charge?.cost ?? 0;
  }
  return total;
}

function draftOf(charge: Charge, total: number, lease: Lease | undefined, now: number): PeekedCharge {
  const { policy, cost } = charge;
  const isValid = lease !== undefined && now < lease.validUntilMs;
  const verdict = coverageOf(policy, lease, total, now);
  if (isValid && (verdict === 'held' || cost === 0)) {
    return { decision: allowedBy(lease, now, Math.min(total, lease.held)), standing: allowedBy(lease, now) };
  }
  if (cost > 0 && verdict === 'denied') return { decision: deniedBy(policy, lease, now, total), standing: undefined };
  const held = isValid ? lease.held : 0;
  const covered = Math.max(0, held - (total - cost));
  return { ask: { ...charge, cost: Math.max(0, cost - covered) }, held: covered, isLeased: true };
}

function outcomeOf(drafts: readonly PeekedCharge[], told: readonly Decision[], allowed: boolean): Outcome {
  let next = 0;
  const decisions = drafts.flatMap((draft) => {
    if ('decision' in draft) return (allowed ? undefined : draft.standing) ?? draft.decision;
    const decision = told[next++];
    if (decision === undefined || !draft.isLeased) return decision ?? [];
    // What is held is spent first, unless nothing is spent.
    return withHeld(decision, allowed ? 0 : draft.held);
  });
  return { allowed, decisions, binding: bindingOf(decisions) };
}
