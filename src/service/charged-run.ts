import type { Awaitable } from '../core/awaitable.js';
import { optionAt, ThrottleConfigError } from '../core/errors.js';
import type { ChargeWhen } from '../decorators/policy-options.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import type { Responder } from '../transports/responder.js';
import type { CallLimiter } from './calls/call-limiter.js';
import { endedWithHandler, type HandlerEnd } from './calls/ends/call-end.js';
import { type Run, RunPermits } from './calls/permits/run-permits.js';
import { methodPlace, type RunRequest, type ServiceTarget } from './service-arguments.js';

/**
 * Charges a call, runs a function, and settles the charge depending on how the function ends. Permits are held while it
 * runs.
 *
 * @param detached the responder for a call on a connection, where a rejection would not throw
 * @returns the result of the function
 * @throws the exceptions of `hit` over HTTP if the call is denied, and those of the function
 */
export async function runCharged<T>(
  limiter: CallLimiter,
  { limits, call, session }: ServiceTarget,
  request: RunRequest,
  detached: Responder<never>,
  fn: (run: Run) => Awaitable<T>,
): Promise<T> {
  const place = methodPlace(request.method, request.policy);
  const permits = new RunPermits(limiter.permits);
  try {
    // The end of the call must not settle the charges of the run.
    const pairs = limits.map(
      (limit) => [{ ...limit, chargeWhen: undefined }, settledBy(limit, request.chargeWhen, place)] as const,
    );
    const settling = new Map<CompiledLimit, CompiledLimit>(pairs);
    const takenAtMs = limiter.settings.clock.now();
    const given = { ...request, keep: permits.keep };
    const charged = await limiter.charge([...settling.keys()], call, given, session);
    const responder = session?.responder;
    await limiter.proceed(charged, call, responder?.connection === undefined ? (responder ?? detached) : detached);
    const settled = { ...charged, limits: charged.limits.map((limit) => settling.get(limit) ?? limit) };
    const settle = (end: HandlerEnd) => limiter.outcomes.settle(settled, call, endedWithHandler(end), takenAtMs);
    const value = await orElse(
      async () => fn(permits),
      (error) => settle({ error }),
    );
    await settle({ value });
    return value;
  } finally {
    permits.free();
  }
}

/** Runs a function. If it fails, runs `then` before it throws the same error. */
async function orElse<T>(fn: () => Promise<T>, then: (error: unknown) => Promise<void>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    await then(error);
    throw error;
  }
}

/** Returns a limit with the given `chargeWhen` instead of its own. */
function settledBy(limit: CompiledLimit, chargeWhen: ChargeWhen | undefined, place: string): CompiledLimit {
  if (chargeWhen === undefined) return limit;
  if (limit.policies.known.some(({ lease }) => lease !== undefined)) {
    throw new ThrottleConfigError(
      'SLUICE_LEASE_CONFLICT',
      `${optionAt(place, 'chargeWhen')}: cannot be combined with a lease, because leased units cannot be settled by the outcome of the run. Leave it out, or the lease of the policy.`,
    );
  }
  return { ...limit, chargeWhen, place };
}
