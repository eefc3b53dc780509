import { HttpStatus } from '@nestjs/common';
import type { Outcome } from '../../core/decision.js';
import { setContentType, waitSeconds, writeRefusal } from './rate-limit-headers.js';
import { ThrottleException, ThrottleUnavailableException } from './throttle.exception.js';

/** How errors are written: as Nest writes them, or as problem details (RFC 9457). */
export type ErrorStyle = 'nest' | 'problem';

/** Registered by draft-ietf-httpapi-ratelimit-headers. */
const PROBLEM_TYPES = 'https://iana.org/assignments/http-problem-types';

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
  const isOwnBody = typeof message === 'object';
  const write = style === 'nest' ? nestBody : problemBody;
  const body = isOwnBody ? message : write(outcome, message ?? defaultMessage(outcome));
  const onAnswer = isOwnBody || style === 'nest' ? undefined : sayProblem(response);
  return answering(response, () => new ThrottleException(body, outcome, onAnswer));
}

/** The exception that answers a call when nothing could decide on it; its headers are written, too. */
export function httpUnavailable(
  waitMs: number,
  style: ErrorStyle,
  response: object | undefined,
): ThrottleUnavailableException {
  const retryAfter = waitSeconds(waitMs);
  const message = `Limits cannot be checked now. Retry in ${inSeconds(retryAfter)}.`;
  const status = HttpStatus.SERVICE_UNAVAILABLE;
  if (response !== undefined) writeRefusal(response, waitMs);
  const title = 'Service Unavailable';
  const type = `${PROBLEM_TYPES}#temporary-reduced-capacity`;
  const make =
    style === 'nest'
      ? () => new ThrottleUnavailableException({ statusCode: status, error: title, message, retryAfter })
      : () =>
          new ThrottleUnavailableException({ type, title, status, detail: message, retryAfter }, sayProblem(response));
  return answering(response, make);
}

/**
 * Makes an exception that answers a request without its stack, which costs more than all the rest of a denial: it is no
 * fault to be looked for, and its stack would be ours. Outside a request it tells where the call was made, and stays.
 */
function answering<T>(response: object | undefined, make: () => T): T {
  if (response === undefined) return make();
  const { stackTraceLimit } = Error;
  // Not by assignment: that throws where the intrinsics are frozen.
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    return make();
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

/** Says what the body is when it is sent, and not before. */
function sayProblem(response: object | undefined): () => void {
  return () => {
    if (response !== undefined) setContentType(response, 'application/problem+json');
  };
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

function problemBody(outcome: Outcome, detail: string): object {
  return {
    type: `${PROBLEM_TYPES}#quota-exceeded`,
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
  return `Too many requests. Retry in ${inSeconds(wait)}.`;
}

function retryAfter({ binding }: Outcome): number | null {
  const waitMs = binding?.retryAfterMs ?? null;
  return waitMs === null ? null : waitSeconds(waitMs);
}

function inSeconds(seconds: number): string {
  return `${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
}
