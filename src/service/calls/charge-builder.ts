import { type Awaitable, chain, chainAll, isNativePromise } from '../../core/awaitable.js';
import { assertCost, type Charge, type Outcome } from '../../core/decision.js';
import { describeValue, invalidValue, optionAt } from '../../core/errors.js';
import { scopedSubject } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import type { Skip } from '../../decorators/policy-options.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import { type Call, EXEMPT, withContext } from '../../transports/call.js';
import { addressOf, checkedSubject, isNobody } from '../../transports/identity/subject.js';

/** What a call is charged, and the limits that the charges come from: one a charge, or one for all. */
export interface PreparedCharges {
  readonly charges: readonly Charge[];
  readonly limits: readonly CompiledLimit[];
}

/** The limit that a charge comes from. */
export function limitAt({ limits }: PreparedCharges, index: number): CompiledLimit | undefined {
  return limits.length === 1 ? limits[0] : limits[index];
}

/** The answer to a call, and what was asked for. */
export interface ChargedOutcome extends PreparedCharges {
  readonly outcome: Outcome;
}

/** What the service is asked for, in place of what the limits say. */
export interface ChargeOverrides {
  readonly cost?: number | undefined;
  /** Taken verbatim. */
  readonly subject?: string | undefined;
}

/** What a call is charged under these limits, in order; nothing where it is exempt, skipped, unlimited or of cost 0. */
export function prepareCharges(
  limits: readonly CompiledLimit[],
  call: Call,
  asked: ChargeOverrides,
): Awaitable<PreparedCharges> {
  const [only] = limits;
  if (only !== undefined && limits.length === 1) {
    const charges = chargesOfLimit(only, call, asked);
    return isNativePromise(charges) ? charges.then((found) => ({ charges: found, limits })) : { charges, limits };
  }
  const lists = chainAll(limits, (limit) => chargesOfLimit(limit, call, asked));
  return chain(lists, (found) => together(found, limits));
}

/** The charges of several limits in one list, and beside each the limit that it comes from. */
function together(lists: readonly (readonly Charge[])[], limits: readonly CompiledLimit[]): PreparedCharges {
  const charges: Charge[] = [];
  const from: CompiledLimit[] = [];
  for (const [i, limit] of limits.entries()) {
    for (const charge of lists[i] ?? []) {
      charges.push(charge);
      from.push(limit);
    }
  }
  return { charges, limits: from };
}

/** Whether a `skip` lets the call pass; anything but a boolean is an error, since a promise or a text would always pass. */
export function isSkipped(skip: Skip | undefined, call: Call, place: string): Awaitable<boolean> {
  if (skip === undefined) return false;
  return chain(skip(call), (answer) => {
    if (typeof answer === 'boolean') return answer;
    throw new TypeError(`${optionAt(place, 'skip')}: expected true or false, got ${describeValue(answer)}`);
  });
}

const NONE: readonly Charge[] = [];

function chargesOfLimit(limit: CompiledLimit, plainCall: Call, asked: ChargeOverrides): Awaitable<readonly Charge[]> {
  const { context, skip, policies } = limit;
  const call = context === undefined ? plainCall : withContext(plainCall, { ...context, ...plainCall.context });
  const { fixed } = policies;
  if (skip === undefined && fixed !== undefined) return resolveCharges(limit, fixed, call, asked);
  return chain(isSkipped(skip, call, limit.place), (skipped) => {
    if (skipped) return NONE;
    return chain(policies.of(call), (found) => resolveCharges(limit, found, call, asked));
  });
}

function resolveCharges(
  limit: CompiledLimit,
  policies: readonly Policy[],
  call: Call,
  asked: ChargeOverrides,
): Awaitable<readonly Charge[]> {
  if (policies.length === 0) return NONE;
  const subject = subjectFor(limit, call, asked.subject);
  const cost = asked.cost ?? limit.cost;
  if (typeof subject === 'string' && typeof cost === 'number') return chargesFor(policies, subject, cost);
  return chain(subject, (found) =>
    found === EXEMPT ? NONE : chain(costFor(limit, call, cost), (units) => chargesFor(policies, found, units)),
  );
}

function chargesFor(policies: readonly Policy[], subject: string, cost: number): readonly Charge[] {
  if (cost === 0) return NONE;
  const [only] = policies;
  if (only !== undefined && policies.length === 1) return [{ policy: only, subject, cost }];
  return policies.map((policy) => ({ policy, subject, cost }));
}

function subjectFor(
  { by, place }: CompiledLimit,
  call: Call,
  asked: string | undefined,
): Awaitable<string | typeof EXEMPT> {
  const { scope } = call.context;
  if (scope !== undefined && typeof scope !== 'string')
    throw invalidValue(optionAt(place, 'context.scope'), 'a text', scope);
  if (asked !== undefined) {
    if (typeof asked !== 'string' || asked === '') throw invalidValue('subject', 'a text that is not empty', asked);
    return scopedSubject(scope, asked);
  }
  const found = by(call);
  if (typeof found === 'string' && found !== '') return scopedSubject(scope, found);
  return chain(found, (one) => {
    if (one === EXEMPT) return EXEMPT;
    const subject = isNobody(one) ? addressOf(call) : one;
    return scopedSubject(scope, typeof subject === 'string' ? subject : checkedSubject(subject, optionAt(place, 'by')));
  });
}

function costFor({ place }: CompiledLimit, call: Call, cost: CompiledLimit['cost']): Awaitable<number> {
  if (typeof cost === 'number') return cost;
  return chain(cost(call), (units) => {
    assertCost(units, optionAt(place, 'cost'));
    return units;
  });
}
