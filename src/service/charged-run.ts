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
 * Charges a call, runs a function, and settles the charge by how the function ends. Permits are held while the function runs.
 *
 * @param detached responds where the call has a connection, on which a rejection throws nothing
 * @returns what the function returns
 * @throws what `hit` throws over HTTP, if the call is denied; what the function throws
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
    // What the run takes is not the call's to settle.
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

/** Runs a function. If it fails, does what is to be done then before it throws the same error. */
async function orElse<T>(fn: () => Promise<T>, then: (error: unknown) => Promise<void>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    await then(error);
    throw error;
  }
}

/** Returns a limit that is settled by the given rule, in place of its own. */
function settledBy(limit: CompiledLimit, chargeWhen: ChargeWhen | undefined, place: string): CompiledLimit {
  if (chargeWhen === undefined) return limit;
  if (limit.policies.known.some(({ lease }) => lease !== undefined)) {
    throw new ThrottleConfigError(
      'SLUICE_LEASE_CONFLICT',
      `${optionAt(place, 'chargeWhen')}: leased units are spent without the backend, whatever becomes of the run. Leave it out, or the lease of the policy.`,
    );
  }
  return { ...limit, chargeWhen, place };
}
