import type { Decision, Outcome } from '../../core/decision.js';

/** Which headers an answer carries: the draft's, the `X-RateLimit-*` of old, both, or none. */
export type HeaderStyle = 'standard' | 'legacy' | 'both' | false;

type SetHeader = (this: object, name: string, value: string) => unknown;

/** What Express's response and Fastify's reply have in common, under two names. */
interface HeaderTarget {
  readonly setHeader?: SetHeader;
  readonly header?: SetHeader;
  removeHeader(name: string): unknown;
  readonly headersSent?: boolean;
  readonly sent?: boolean;
}

/** The largest integer of a structured field (RFC 9651, 3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;

/**
 * Writes what was decided on a call into the response's headers: `RateLimit-Policy` and `RateLimit` of
 * draft-ietf-httpapi-ratelimit-headers (versions 10 and 11), structured lists (RFC 9651) with an item a policy.
 * Nothing where nothing was decided, or the response is on its way already.
 */
export function writeRateLimit(
  response: object,
  decisions: readonly Decision[],
  binding: Decision | null,
  style: HeaderStyle,
): void {
  if (style === false || binding === null) return;
  const set = setterOf(response);
  if (set === undefined) return;
  if (style !== 'legacy') {
    set.call(response, 'RateLimit-Policy', list(decisions, policyItem));
    set.call(response, 'RateLimit', list(decisions, stateItem));
  }
  if (style !== 'standard') {
    set.call(response, 'X-RateLimit-Limit', String(binding.limit));
    set.call(response, 'X-RateLimit-Remaining', String(binding.remaining));
    set.call(response, 'X-RateLimit-Reset', String(seconds(binding.resetMs)));
  }
}

/**
 * Writes `Retry-After` (RFC 9110, 10.2.3; whole seconds, never early) and keeps the denial out of caches. An allowed call
 * takes back the wait of a denial that the handler caught; its answer came about by that denial, and stays out of caches.
 */
export function writeRetryAfter(response: object, { allowed, binding }: Outcome): void {
  if (!allowed) writeRefusal(response, binding?.retryAfterMs ?? null);
  else if (setterOf(response) !== undefined) removeHeader(response, 'Retry-After');
}

/** The headers of a refusal: when to come back (`null`: never), and that no cache keeps it. */
export function writeRefusal(response: object, waitMs: number | null): void {
  const set = setterOf(response);
  if (set === undefined) return;
  if (waitMs === null) removeHeader(response, 'Retry-After');
  else set.call(response, 'Retry-After', String(waitSeconds(waitMs)));
  set.call(response, 'Cache-Control', 'no-store');
}

/** A wait as a client is told it: whole seconds, rounded up, at least 1. */
export function waitSeconds(waitMs: number): number {
  return Math.max(1, seconds(waitMs));
}

export function setContentType(response: object, type: string): void {
  setterOf(response)?.call(response, 'Content-Type', type);
}

/** Milliseconds as whole seconds, rounded up: a wait is never told too short. */
export function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

function list(decisions: readonly Decision[], item: (decision: Decision) => string): string {
  let text = '';
  for (const decision of decisions) text = text === '' ? item(decision) : `${text}, ${item(decision)}`;
  return text;
}

function policyItem({ policy, limit, windowMs }: Decision): string {
  const window = windowMs < 1000 ? '' : `;w=${integer(seconds(windowMs))}`;
  return `"${policy}";q=${integer(limit)}${window}`;
}

function stateItem({ policy, allowed, remaining, resetMs, retryAfterMs }: Decision): string {
  const waitMs = allowed ? resetMs : retryAfterMs;
  const wait = waitMs === null || waitMs === 0 ? '' : `;t=${integer(seconds(waitMs))}`;
  return `"${policy}";r=${integer(remaining)}${wait}`;
}

function integer(value: number): number {
  return Math.min(value, MAX_INTEGER);
}

/**
 * What sets a header, where none is on its way yet. Looked for once, and each framework asked for its own member only:
 * on Express, which gives every response another prototype, a member is dear to find, and dearer where it is not.
 */
function setterOf(response: object): SetHeader | undefined {
  const target = response as HeaderTarget; // recognised by shape: Fastify's reply has no setHeader
  const { setHeader } = target;
  if (setHeader === undefined) return target.sent === true ? undefined : target.header;
  return target.headersSent === true ? undefined : setHeader;
}

function removeHeader(response: object, name: string): void {
  (response as HeaderTarget).removeHeader(name);
}
