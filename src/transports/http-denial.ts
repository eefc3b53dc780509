import { HttpStatus } from '@nestjs/common';
import type { Outcome } from '../core/decision.js';
import { seconds, setContentType } from './http-headers.js';
import { ThrottleException } from './throttle.exception.js';

/** How errors are written: as Nest writes them, or as problem details (RFC 9457). */
export type ErrorStyle = 'nest' | 'problem';

const PROBLEM_TYPE = 'https://iana.org/assignments/http-problem-types#quota-exceeded';

/**
 * The exception that answers a denied call.
 *
 * @param message a text for the body's `message` (or `detail`), or an object that is the body
 */
export function httpDenial(
  outcome: Outcome,
  message: string | object | undefined,
  style: ErrorStyle,
  response: object | undefined,
): ThrottleException {
  if (typeof message === 'object') return new ThrottleException(message, outcome);
  const text = message ?? defaultMessage(outcome);
  if (style === 'nest') return new ThrottleException(nestBody(outcome, text), outcome);
  if (response !== undefined) setContentType(response, 'application/problem+json');
  return new ThrottleException(problemBody(outcome, text), outcome);
}

function nestBody(outcome: Outcome, message: string): object {
  return {
    statusCode: HttpStatus.TOO_MANY_REQUESTS,
    error: 'Too Many Requests',
    message,
    policy: outcome.binding?.policy,
    retryAfter: retryAfter(outcome),
  };
}

/** The problem type that draft-ietf-httpapi-ratelimit-headers registers. */
function problemBody(outcome: Outcome, detail: string): object {
  return {
    type: PROBLEM_TYPE,
    title: 'Too Many Requests',
    status: HttpStatus.TOO_MANY_REQUESTS,
    detail,
    'violated-policies': outcome.decisions.filter(({ allowed }) => !allowed).map(({ policy }) => policy),
    retryAfter: retryAfter(outcome),
  };
}

function defaultMessage(outcome: Outcome): string {
  const wait = retryAfter(outcome);
  if (wait === null) return 'Too many requests. This one asks for more than the limit ever grants.';
  return `Too many requests. Retry in ${wait} ${wait === 1 ? 'second' : 'seconds'}.`;
}

function retryAfter({ binding }: Outcome): number | null {
  const waitMs = binding?.retryAfterMs ?? null;
  return waitMs === null ? null : Math.max(1, seconds(waitMs));
}
