import { ThrottleConfigError } from '../core/errors.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import type { Call } from '../transports/call.js';
import { assertContextMembers } from '../transports/context-members.js';
import type { CallSession } from './calls/call-session.js';
import { callUnder } from './calls/charges/charge-parts.js';
import { isByOutcome } from './calls/ends/outcome-settlements.js';

/**
 * Throws for a context passed by hand in which a member that a preset reads is misspelt or invalid.
 *
 * @throws ThrottleConfigError naming the method and the member
 */
export function assertContextRead(method: string, limits: readonly CompiledLimit[], call: Call): void {
  for (const limit of limits) {
    const { context } = callUnder(limit, call);
    assertContextMembers(`${method}()`, { name: limit.name, by: limit.by, context });
  }
}

/** Throws unless the end of the call can be observed, so that a limit can be settled. */
export function assertOutcomeSeen(method: string, { name }: CompiledLimit, session: CallSession | undefined): void {
  if (session?.watchEnd() !== undefined) return;
  const found = session === undefined ? 'there is no call here' : 'its end cannot be observed';
  throw new ThrottleConfigError(
    'SLUICE_NO_CALL',
    `${method}("${name}"): its \`chargeWhen\` depends on how the call ends, but ${found}. Use run("${name}", options, fn), which settles by how fn ends${session?.responder.onEnd !== undefined ? ', or pass the response beside the request: { on: request, response }' : ''}.`,
  );
}

/** Throws for concurrency limits, since a tally collects costs of rates, and for limits with `chargeWhen`. */
export function assertCollectable(place: string, limits: readonly CompiledLimit[]): void {
  if (limits.some(isByOutcome)) {
    throw new ThrottleConfigError(
      'SLUICE_WRONG_POLICY',
      `${place}: the policy has a \`chargeWhen\`, so the end of the call would settle again what the tally charges. Use run with a \`chargeWhen\` that returns the units, or a policy of its own for the tally, without \`chargeWhen\`.`,
    );
  }
  if (!limits.some(({ concurrency }) => concurrency !== undefined)) return;
  throw new ThrottleConfigError(
    'SLUICE_WRONG_POLICY',
    `${place}: a tally collects the cost of a rate, and this policy limits how many calls run at a time. Make the rate a policy of its own, and use run for the permits.`,
  );
}
