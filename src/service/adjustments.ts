import type { Charge, Decision, Outcome, TakenCharge } from '../core/decision.js';
import { ThrottleConfigError } from '../core/errors.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import type { Call } from '../transports/call.js';
import type { CallLimiter } from './calls/call-limiter.js';
import { prepareCharges } from './calls/charges/charge-builder.js';
import type { GivenValues } from './calls/charges/charge-parts.js';
import { NOTHING_PREPARED, type PreparedCharges } from './calls/charges/prepared-charges.js';
import type { ServiceTarget } from './service-arguments.js';

/** Charges a call in full, even above the limits. The end of the call does not change this charge. */
export async function debit(
  limiter: CallLimiter,
  { limits, call, session }: ServiceTarget,
  given: GivenValues,
): Promise<Outcome> {
  const byNoOutcome = ratesOf('debit', limits).map((limit) => ({ ...limit, chargeWhen: undefined }));
  const prepared = await chargesOf(limiter, byNoOutcome, call, given);
  const charges = prepared.charges.map((charge): Charge => ({ ...charge, mode: 'record' }));
  const { limits: ofCharges, unlimited } = prepared;
  const charged = await limiter.spendPrepared({
    charges,
    limits: ofCharges,
    ...(unlimited !== undefined && { unlimited }),
  });
  return limiter.record(charged, session).outcome;
}

/**
 * Returns units to the budgets that apply to a call.
 *
 * @throws ThrottleConfigError for a policy with a lease, and if the backend returns units only by receipts
 */
export async function credit(limiter: CallLimiter, { limits, call }: ServiceTarget, given: GivenValues): Promise<void> {
  const { backend } = limiter.settings;
  const { charges } = await chargesOf(limiter, ratesOf('credit', limits), call, given);
  if (charges.length === 0) return;
  for (const { policy } of charges) if (policy.lease !== undefined) throw notCreditable(policy.name);
  if (backend.credit === undefined) throw incapable(backend.constructor.name);
  // A charge settles in the budget of the override in force, which only a decision shows.
  const isOverridable = charges.some(({ overriddenBy }) => overriddenBy !== undefined);
  const decisions = isOverridable ? (await backend.peek(charges.map(atNoCost))).decisions : [];
  await backend.credit(charges.map((charge, i) => takenUnder(charge, decisions[i])));
}

/** Returns the charges of a call. Returns none if the module's `skip` exempts it. */
async function chargesOf(
  limiter: CallLimiter,
  limits: readonly CompiledLimit[],
  call: Call,
  given: GivenValues,
): Promise<PreparedCharges> {
  return (await limiter.isSkipped(call)) ? NOTHING_PREPARED : prepareCharges(limits, call, given);
}

/**
 * Returns the limits without those of permits, which are held instead of counted. @throws ThrottleConfigError if none
 * is left
 */
function ratesOf(method: string, limits: readonly CompiledLimit[]): readonly CompiledLimit[] {
  const rates = limits.filter(({ concurrency }) => concurrency === undefined);
  const [first] = limits;
  if (rates.length > 0 || first === undefined) return rates;
  throw new ThrottleConfigError(
    'SLUICE_WRONG_POLICY',
    `${method}("${first.name}"): the policy limits how many calls run at a time, and has no units to count. Add a rate to it.`,
  );
}

function atNoCost(charge: Charge): Charge {
  return { ...charge, cost: 0 };
}

/** Returns a charge with the rate in force, without its mode. */
function takenUnder({ mode: _, ...charge }: Charge, decision: Decision | undefined): TakenCharge {
  if (decision?.unlimited) return { ...charge, rate: 'unlimited' };
  return decision?.rate === undefined ? charge : { ...charge, rate: decision.rate };
}

function notCreditable(policy: string): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_LEASE_CONFLICT',
    `credit("${policy}"): the policy has a \`lease\`, so processes hold units that the backend does not know about. Refund the outcome of the call, or leave the lease out.`,
  );
}

function incapable(backend: string): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_UNSUPPORTED_BACKEND',
    `credit(): needs a backend that gives units back without a receipt, and ${backend} has no \`credit\`. Use another backend, or refund the outcome of a call.`,
  );
}
