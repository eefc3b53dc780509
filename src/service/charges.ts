import { type Awaitable, chain, chainAll } from '../core/awaitable.js';
import { assertCost, type Charge } from '../core/decision.js';
import { misfit, optionAt, show } from '../core/errors.js';
import { scopedSubject } from '../core/key.js';
import type { Policy } from '../core/policy.js';
import type { Skip } from '../decorators/policy-options.js';
import { addressOf, checkedSubject, isNobody } from '../transports/by.js';
import { type Call, EXEMPT, withContext } from '../transports/call.js';
import type { CompiledLimit } from './limit.js';

/** A charge, and the limit that it comes from. */
export interface LimitCharge extends Charge {
  readonly limit: CompiledLimit;
}

/** What the service is asked for, in place of what the limits say. */
export interface Asked {
  readonly cost?: number | undefined;
  /** Taken verbatim. */
  readonly subject?: string | undefined;
}

/** The charges as backends, receipts and events know them. */
export function plainCharges(charges: readonly LimitCharge[]): readonly Charge[] {
  return charges.map(({ policy, subject, cost }) => ({ policy, subject, cost }));
}

/** What a call is charged under these limits, in order; nothing where it is exempt, skipped, unlimited or of cost 0. */
export function chargesOf(
  limits: readonly CompiledLimit[],
  call: Call,
  asked: Asked,
): Awaitable<readonly LimitCharge[]> {
  const lists = chainAll(limits, (limit) => chargesOfLimit(limit, call, asked));
  return chain(lists, (found) => (found.length === 1 ? (found[0] ?? []) : found.flat()));
}

/** Whether a `skip` lets the call pass; anything but a boolean is an error, since a promise or a text would always pass. */
export function isSkipped(skip: Skip | undefined, call: Call, place: string): Awaitable<boolean> {
  if (skip === undefined) return false;
  return chain(skip(call), (answer) => {
    if (typeof answer === 'boolean') return answer;
    throw new TypeError(`${optionAt(place, 'skip')}: expected true or false, got ${show(answer)}`);
  });
}

function chargesOfLimit(limit: CompiledLimit, plainCall: Call, asked: Asked): Awaitable<readonly LimitCharge[]> {
  const call =
    limit.context === undefined ? plainCall : withContext(plainCall, { ...limit.context, ...plainCall.context });
  return chain(isSkipped(limit.skip, call, limit.place), (skipped) => (skipped ? [] : unskipped(limit, call, asked)));
}

function unskipped(limit: CompiledLimit, call: Call, asked: Asked): Awaitable<readonly LimitCharge[]> {
  return chain(policiesOf(limit, call), (policies) => {
    if (policies.length === 0) return [];
    return chain(subjectFor(limit, call, asked.subject), (subject) => {
      if (subject === EXEMPT) return [];
      return chain(costFor(limit, call, asked.cost), (cost) =>
        cost === 0 ? [] : policies.map((policy): LimitCharge => ({ policy, subject, cost, limit })),
      );
    });
  });
}

function policiesOf({ policies }: CompiledLimit, call: Call): Awaitable<readonly Policy[]> {
  return typeof policies === 'function' ? policies(call) : policies;
}

function subjectFor(
  { by, place }: CompiledLimit,
  call: Call,
  asked: string | undefined,
): Awaitable<string | typeof EXEMPT> {
  const { scope } = call.context;
  if (scope !== undefined && typeof scope !== 'string') throw misfit(optionAt(place, 'context.scope'), 'a text', scope);
  if (asked !== undefined) {
    if (typeof asked !== 'string' || asked === '') throw misfit('subject', 'a text that is not empty', asked);
    return scopedSubject(scope, asked);
  }
  return chain(by(call), (found) => {
    if (found === EXEMPT) return EXEMPT;
    const subject = isNobody(found) ? addressOf(call) : found;
    return scopedSubject(scope, typeof subject === 'string' ? subject : checkedSubject(subject, optionAt(place, 'by')));
  });
}

function costFor({ cost, place }: CompiledLimit, call: Call, asked: number | undefined): Awaitable<number> {
  if (asked !== undefined) return asked;
  if (typeof cost === 'number') return cost;
  return chain(cost(call), (units) => {
    assertCost(units, optionAt(place, 'cost'));
    return units;
  });
}
