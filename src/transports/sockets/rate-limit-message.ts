import type { DenialReason, Outcome } from '../../core/decision.js';
import { describeValue } from '../../core/errors.js';
import type { DenialMessage } from '../responder.js';
import { announcedSeconds } from '../retry-jitter.js';
import { waitSeconds } from '../wait-seconds.js';

/** The event that notifies a client of a denial. */
export const RATE_LIMIT = 'rate_limit';

/** The data of the `rate_limit` event: why a message or connection was denied. */
export interface RateLimitPayload {
  readonly type: typeof RATE_LIMIT;
  /** The policy's `message`, or a default message. */
  readonly error: string | object;
  /** Whole seconds, rounded up, at least 1; `null`: never. */
  readonly retry_after: number | null;
  /** `null` if the limits could not be checked. */
  readonly policy: string | null;
  /** Units that a full limit grants; `null` if the limits could not be checked. */
  readonly limit: number | null;
  /** Units that are left; `null` if the limits could not be checked. */
  readonly remaining: number | null;
  /** Why it was denied; `null` if the limits could not be checked. */
  readonly reason: DenialReason | null;
  /** The members of `context.extras`. */
  readonly [extra: string]: unknown;
}

/** Members that extras cannot set: those of the payload, and those that would change the type of the message. */
const RESERVED = new Set([
  'type',
  'error',
  'retry_after',
  'policy',
  'limit',
  'remaining',
  'reason',
  'event',
  'toJSON',
  '__proto__',
]);

/** @param text the error message, unless the policy has a `message` */
export function deniedPayload(outcome: Outcome, { message, context }: DenialMessage, text: string): RateLimitPayload {
  const { binding } = outcome;
  const payload: RateLimitPayload = {
    type: RATE_LIMIT,
    error: message ?? text,
    retry_after: announcedSeconds(outcome),
    policy: binding?.policy ?? null,
    limit: binding?.limit ?? null,
    remaining: binding?.remaining ?? null,
    reason: binding?.reason ?? null,
  };
  // Not a spread into the literal, which takes V8 11 longer than the rest of the message.
  return context.extras === undefined ? payload : Object.assign(payload, extrasOf(context.extras));
}

export function unavailablePayload(waitMs: number): RateLimitPayload {
  return {
    type: RATE_LIMIT,
    error: 'Limits cannot be checked now',
    retry_after: waitSeconds(waitMs),
    policy: null,
    limit: null,
    remaining: null,
    reason: null,
  };
}

function extrasOf(extras: unknown): object {
  if (typeof extras !== 'object' || extras === null || Array.isArray(extras)) {
    throw new TypeError(`context.extras: expected an object of members for the message, got ${describeValue(extras)}`);
  }
  const added = Object.fromEntries(Object.entries(extras).filter(([name]) => !RESERVED.has(name)));
  try {
    // Plain JSON data only: a library that encodes the message might recurse without end into anything else.
    return JSON.parse(JSON.stringify(added));
  } catch (error) {
    throw new TypeError(
      `context.extras: expected values that JSON can represent: ${error instanceof Error ? error.message : error}`,
    );
  }
}
