import { type Awaitable, chain } from '../../core/awaitable.js';
import { bindingOf, type Charge, type Decision, type Outcome } from '../../core/decision.js';
import type { Backend } from '../backend.js';
import { isLeased, totalUpTo } from './lease.js';
import { allowedBy, deniedBy, withHeldUnits } from './lease-decision.js';
import type { LeaseManager } from './lease-manager.js';

/** A charge that a lease decides. */
interface LocalPeek {
  readonly decision: Decision;
  /** The decision at cost 0, which is reported if another charge denies the call. */
  readonly atCostZero: Decision | undefined;
}

/** A charge that the backend decides. If it is leased, its cost is reduced by the held units that cover part of it. */
interface RemotePeek {
  readonly atBackend: Charge;
  readonly isLeased: boolean;
  readonly held: number;
}

type PeekedCharge = LocalPeek | RemotePeek;

/** Returns the outcome that spending the charges would have. Spends nothing and requests no grant. */
export function peekLeased(
  charges: readonly Charge[],
  backend: Pick<Backend, 'peek'>,
  leases: LeaseManager,
  now: number,
): Awaitable<Outcome> {
  const peeked = charges.map((charge, i) => peekCharge(charge, totalUpTo(charges, i), leases, now));
  const atBackend = peeked.flatMap((charge) => ('atBackend' in charge ? charge.atBackend : []));
  const isDenied = peeked.some((charge) => 'decision' in charge && !charge.decision.allowed);
  if (atBackend.length === 0) return outcomeOf(peeked, [], !isDenied);
  return chain(backend.peek(atBackend), (outcome) => {
    if (!outcome.allowed || !isDenied) return outcomeOf(peeked, outcome.decisions, outcome.allowed);
    // A lease denies what the backend would allow: in a denied call the backend's policies report their current state.
    // Only a monitored charge may be denied here, and it stays so.
    const atCostZero = atBackend.map((charge, i) =>
      outcome.decisions[i]?.allowed === false ? charge : { ...charge, cost: 0 },
    );
    return chain(backend.peek(atCostZero), ({ decisions }) => outcomeOf(peeked, decisions, false));
  });
}

/** @param total the cost of this charge and of those before it on the same budget */
function peekCharge(charge: Charge, total: number, leases: LeaseManager, now: number): PeekedCharge {
  if (!isLeased(charge)) return { atBackend: charge, isLeased: false, held: 0 };
  const { policy, cost } = charge;
  const lease = leases.find(charge);
  const isValid = lease?.isValid(now) === true;
  if (isValid && (cost === 0 || lease.covers(total, now))) {
    return { decision: allowedBy(lease, now, Math.min(total, lease.held)), atCostZero: allowedBy(lease, now) };
  }
  if (cost > 0 && leases.isDenied({ ...charge, cost: total }, now)) {
    return { decision: deniedBy(policy, lease, now, total), atCostZero: undefined };
  }
  const before = total - cost;
  const held = isValid ? Math.max(0, lease.held - before) : 0;
  return { atBackend: { ...charge, cost: Math.max(0, cost - held) }, isLeased: true, held };
}

/** @param remote the backend's decisions on the charges that were sent to it, in order */
function outcomeOf(peeked: readonly PeekedCharge[], remote: readonly Decision[], allowed: boolean): Outcome {
  let next = 0;
  const decisions = peeked.flatMap((charge) => {
    if ('decision' in charge) return (allowed ? undefined : charge.atCostZero) ?? charge.decision;
    const decision = remote[next++];
    if (decision === undefined || !charge.isLeased) return decision ?? [];
    // An allowed call spends the held units first; a denied one leaves them.
    return withHeldUnits(decision, allowed ? 0 : charge.held);
  });
  return { allowed, decisions, binding: bindingOf(decisions) };
}
