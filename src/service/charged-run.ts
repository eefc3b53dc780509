import type { Awaitable } from '../core/awaitable.js';
import { optionAt, ThrottleConfigError } from '../core/errors.js';
import type { ChargeWhen } from '../decorators/policy-options.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import type { Responder } from '../transports/responder.js';
import type { CallLimiter } from './calls/call-limiter.js';
import { endedWithHandler, type HandlerEnd } from './calls/ends/call-end.js';
import { methodPlace, type RunRequest, type ServiceTarget } from './service-arguments.js';

/**
 * Charges a call, runs a function, and settles the charge by how the function ends.
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
  fn: () => Awaitable<T>,
): Promise<T> {
  const place = methodPlace(request.method, request.policy);
  // What the run takes is not the call's to settle.
  const pairs = limits.map(
    (limit) => [{ ...limit, chargeWhen: undefined }, settledBy(limit, request.chargeWhen, place)] as const,
  );
  const settling = new Map<CompiledLimit, CompiledLimit>(pairs);
  const takenAtMs = limiter.settings.clock.now();
  const charged = await limiter.charge([...settling.keys()], call, request, session);
  const responder = session?.responder;
  await limiter.proceed(charged, call, responder?.connection === undefined ? (responder ?? detached) : detached);
  const settle = (end: HandlerEnd): Promise<void> => {
    const settled = { ...charged, limits: charged.limits.map((limit) => settling.get(limit) ?? limit) };
    return limiter.outcomes.settle(settled, call, endedWithHandler(end), takenAtMs);
  };
  let value: T;
  try {
    value = await fn();
  } catch (error) {
    await settle({ error });
    throw error;
  }
  await settle({ value });
  return value;
}

/** Returns a limit that is settled by the given rule, in place of its own. */
function settledBy(limit: CompiledLimit, chargeWhen: ChargeWhen | undefined, place: string): CompiledLimit {
  if (chargeWhen === undefined) return limit;
  if (limit.policies.known.some(({ lease }) => lease !== undefined)) {
    throw new ThrottleConfigError(
      `${optionAt(place, 'chargeWhen')}: leased units are spent without the backend, whatever becomes of the run. Leave it out, or the lease of the policy.`,
    );
  }
  return { ...limit, chargeWhen, place };
}
