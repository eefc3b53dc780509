import { bindingOf, type Decision, type Outcome } from '../../core/decision.js';
import { waitSeconds, wholeSeconds } from '../wait-seconds.js';

/** The headers of a response: those of the draft, the older `X-RateLimit-*`, both, or none. */
export type HeaderStyle = 'standard' | 'legacy' | 'both' | false;

type SetHeader = (this: object, name: string, value: string) => unknown;

/** The common part of Express's response and Fastify's reply, under two names. */
interface HeaderTarget {
  readonly setHeader?: SetHeader;
  readonly header?: SetHeader;
  removeHeader(name: string): unknown;
  readonly raw?: { removeHeader(name: string): unknown };
  readonly headersSent?: boolean;
  readonly sent?: boolean;
}

/** The largest integer of a structured field (RFC 9651, 3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;

/**
 * Reports an outcome in the response's headers.
 *
 * @param decisions all decisions on the call so far
 * @param previous the outcome before this one on the same call
 */
export function reportOutcome(
  response: object,
  outcome: Outcome,
  decisions: readonly Decision[],
  previous: Outcome | undefined,
  style: HeaderStyle,
): void {
  const binding = decisions === outcome.decisions ? outcome.binding : bindingOf(decisions);
  writeRateLimit(response, decisions, binding, style);
  // Reported before, and not taken after all: the call turned out to be exempt.
  if (binding === null && (previous?.binding ?? null) !== null) removeRateLimit(response, style);
  // The handler caught the denial before. Its response still depends on that denial, so `no-store` stays.
  if (outcome.allowed && previous?.allowed === false) removeRetryAfter(response);
}

/**
 * Writes the decisions on a call into the response's headers: `RateLimit-Policy` and `RateLimit` of
 * draft-ietf-httpapi-ratelimit-headers (versions 10 and 11), structured lists (RFC 9651) with one item a policy.
 * Writes nothing if there is no decision, or if the headers have been sent.
 */
function writeRateLimit(
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
    set.call(response, 'X-RateLimit-Reset', String(wholeSeconds(binding.resetMs)));
  }
}

/** Writes `Retry-After` (RFC 9110, 10.2.3; whole seconds, never early) of a denial, and keeps the response out of caches. */
export function writeRetryAfter(response: object, { binding }: Outcome): void {
  writeRefusal(response, binding?.retryAfterMs ?? null);
}

/** Writes the headers of a refusal: when to retry (`null`: never), and that no cache may keep it. */
export function writeRefusal(response: object, waitMs: number | null): void {
  const set = setterOf(response);
  if (set === undefined) return;
  if (waitMs === null) removeHeader(response, 'Retry-After');
  else set.call(response, 'Retry-After', String(waitSeconds(waitMs)));
  set.call(response, 'Cache-Control', 'no-store');
}

function removeRateLimit(response: object, style: HeaderStyle): void {
  if (style === false || setterOf(response) === undefined) return;
  const standard = style === 'legacy' ? [] : ['RateLimit-Policy', 'RateLimit'];
  const legacy = style === 'standard' ? [] : ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'];
  for (const name of [...standard, ...legacy]) removeHeader(response, name);
}

function removeRetryAfter(response: object): void {
  if (setterOf(response) !== undefined) removeHeader(response, 'Retry-After');
}

function list(decisions: readonly Decision[], item: (decision: Decision) => string): string {
  let text = '';
  for (const decision of decisions) text = text === '' ? item(decision) : `${text}, ${item(decision)}`;
  return text;
}

function policyItem({ policy, limit, windowMs }: Decision): string {
  const window = windowMs < 1000 ? '' : `;w=${integer(wholeSeconds(windowMs))}`;
  return `"${policy}";q=${integer(limit)}${window}`;
}

function stateItem({ policy, allowed, remaining, resetMs, retryAfterMs }: Decision): string {
  const waitMs = allowed ? resetMs : retryAfterMs;
  const wait = waitMs === null || waitMs === 0 ? '' : `;t=${integer(wholeSeconds(waitMs))}`;
  return `"${policy}";r=${integer(remaining)}${wait}`;
}

function integer(value: number): number {
  return Math.min(value, MAX_INTEGER);
}

/**
 * Returns the method that sets a header; undefined if the headers have been sent. Found once, and by the framework's own
 * member only: Express gives every response another prototype, so a member is slow to find, and slower if it is missing.
 */
function setterOf(response: object): SetHeader | undefined {
  const target = response as HeaderTarget; // recognised by shape: Fastify's reply has no setHeader
  const { setHeader } = target;
  if (setHeader === undefined) return target.sent === true ? undefined : target.header;
  return target.headersSent === true ? undefined : setHeader;
}

function removeHeader(response: object, name: string): void {
  const target = response as HeaderTarget; // recognised by shape, as above
  target.removeHeader(name);
  // Fastify sends what its reply and Node's response have, which a middleware writes to.
  if (target.setHeader === undefined) target.raw?.removeHeader(name);
}
