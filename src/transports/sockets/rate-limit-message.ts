import type { Outcome } from '../../core/decision.js';
import { describeValue } from '../../core/errors.js';
import { waitSeconds } from '../http/rate-limit-headers.js';
import type { DenialMessage } from '../responder.js';

/** The event by which a client is told. */
export const RATE_LIMIT = 'rate_limit';

/** What a client is told of a denied message or connection. */
export interface RateLimitPayload {
  readonly type: typeof RATE_LIMIT;
  /** The policy's `message`, else a text. */
  readonly error: string | object;
  /** Whole seconds, rounded up, at least 1; `null`: never. */
  readonly retry_after: number | null;
  /** `null` where nothing could decide. */
  readonly policy: string | null;
  readonly limit: number | null;
  readonly remaining: number | null;
  /** What `context.extras` adds. */
  readonly [extra: string]: unknown;
}

/** Members that extras do not bring: the payload's own, and what would make another message of it. */
const RESERVED = new Set([
  'type',
  'error',
  'retry_after',
  'policy',
  'limit',
  'remaining',
  'event',
  'toJSON',
  '__proto__',
]);

/** @param text the error, where the policy says nothing */
export function deniedPayload(
  { binding }: Outcome,
  { message, context }: DenialMessage,
  text: string,
): RateLimitPayload {
  const waitMs = binding?.retryAfterMs ?? null;
  return {
    type: RATE_LIMIT,
    error: message ?? text,
    retry_after: waitMs === null ? null : waitSeconds(waitMs),
    policy: binding?.policy ?? null,
    limit: binding?.limit ?? null,
    remaining: binding?.remaining ?? null,
    ...extrasOf(context.extras),
  };
}

export function unavailablePayload(waitMs: number): RateLimitPayload {
  return {
    type: RATE_LIMIT,
    error: 'Limits cannot be checked now',
    retry_after: waitSeconds(waitMs),
    policy: null,
    limit: null,
    remaining: null,
  };
}

function extrasOf(extras: unknown): object {
  if (extras === undefined) return {};
  if (typeof extras !== 'object' || extras === null || Array.isArray(extras)) {
    throw new TypeError(`context.extras: expected an object of members for the message, got ${describeValue(extras)}`);
  }
  const added = Object.fromEntries(Object.entries(extras).filter(([name]) => !RESERVED.has(name)));
  try {
    // What JSON writes, and nothing that a library might lose itself in.
    return JSON.parse(JSON.stringify(added));
  } catch (error) {
    throw new TypeError(
      `context.extras: expected what JSON can write: ${error instanceof Error ? error.message : error}`,
    );
  }
}
