import { HttpException, HttpStatus } from '@nestjs/common';
import type { Decision, Outcome } from '../../core/decision.js';
import type { Interruption } from '../responder.js';
import { announcedSeconds } from '../retry-jitter.js';
import { waitSeconds } from '../wait-seconds.js';
import { markProblem } from './problem-body.js';
import { writeRefusal } from './rate-limit-headers.js';
import { HttpError, ThrottleException, ThrottleUnavailableException } from './throttle.exception.js';

/** The form of error bodies: that of Nest, or problem details (RFC 9457). */
export type ErrorStyle = 'nest' | 'problem';

/** Registered by draft-ietf-httpapi-ratelimit-headers. */
const PROBLEM_TYPES = 'https://iana.org/assignments/http-problem-types';
/** The status that nginx logs if the client has disconnected. The client does not see it. */
const CLIENT_CLOSED_REQUEST = 499;

/**
 * Returns the exception for a denied call.
 *
 * @param message a string for the body's `message` (or `detail`), or an object that is the body
 */
export function httpDenial(
  outcome: Outcome,
  message: string | object | undefined,
  style: ErrorStyle,
  response: object | undefined,
  status: number = HttpStatus.TOO_MANY_REQUESTS,
): ThrottleException {
  const isOwnBody = typeof message === 'object';
  const write = style === 'nest' ? nestBody : problemBody;
  const body = isOwnBody ? message : write(outcome, message ?? defaultMessage(outcome), status);
  if (style === 'problem' && !isOwnBody) markProblem(body, response);
  return withoutStack(response, () => new ThrottleException(body, outcome, status));
}

/**
 * Returns the exception for a call that could not be checked. Also writes the headers of the response.
 *
 * @param cause the reason, if it is known
 */
export function httpUnavailable(
  waitMs: number,
  style: ErrorStyle,
  response: object | undefined,
  cause?: Error,
): ThrottleUnavailableException {
  const retryAfter = waitSeconds(waitMs);
  const message = `Limits cannot be checked now. Retry in ${inSeconds(retryAfter)}.`;
  const status = HttpStatus.SERVICE_UNAVAILABLE;
  if (response !== undefined) writeRefusal(response, retryAfter);
  const title = 'Service Unavailable';
  const type = `${PROBLEM_TYPES}#temporary-reduced-capacity`;
  const isProblem = style === 'problem';
  const body = isProblem
    ? { type, title, status, detail: message, retryAfter }
    : { statusCode: status, error: title, message, retryAfter };
  if (isProblem) markProblem(body, response);
  const options = cause && { cause };
  return withoutStack(response, () => new ThrottleUnavailableException(body, options));
}

/** The exception for a call whose delay was interrupted. */
class DelayInterruptedException extends HttpError {}

/**
 * Returns the exception for a delayed call that was interrupted: 499 if its client has gone, 503 if the application is
 * closing.
 */
export function httpInterrupted(cause: Interruption): HttpException {
  if (cause === 'client-gone') return new DelayInterruptedException('Client Closed Request', CLIENT_CLOSED_REQUEST);
  const status = HttpStatus.SERVICE_UNAVAILABLE;
  const body = HttpException.createBody('The application is closing.', 'Service Unavailable', status);
  return new DelayInterruptedException(body, status);
}

/**
 * Creates the exception of a request without its stack: capturing one costs more than the rest of a denial, and it
 * would only show this library. Outside a request the stack shows the caller, so it is kept.
 */
function withoutStack<T>(response: object | undefined, make: () => T): T {
  if (response === undefined) return make();
  const { stackTraceLimit } = Error;
  // Not by assignment, which throws if the intrinsics are frozen.
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    return make();
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

function nestBody(outcome: Outcome, message: string, status: number): object {
  return {
    statusCode: status,
    error: titleOf(status),
    message,
    policy: outcome.binding?.policy,
    reason: outcome.binding?.reason,
    retryAfter: announcedSeconds(outcome),
  };
}

function problemBody(outcome: Outcome, detail: string, status: number): object {
  const denials = outcome.decisions.filter(isDenial);
  return {
    type: `${PROBLEM_TYPES}#${problemOf(denials, status)}`,
    title: titleOf(status),
    status,
    detail,
    'violated-policies': denials.map(({ policy }) => policy),
    reason: outcome.binding?.reason,
    retryAfter: announcedSeconds(outcome),
  };
}

/** Returns the problem type, by its name in the registry. */
function problemOf(denials: readonly Decision[], status: number): string {
  if (denials.some(({ reason }) => reason === 'blocked')) return 'abnormal-usage-detected';
  return status === HttpStatus.SERVICE_UNAVAILABLE ? 'temporary-reduced-capacity' : 'quota-exceeded';
}

function titleOf(status: number): string {
  return status === HttpStatus.SERVICE_UNAVAILABLE ? 'Service Unavailable' : 'Too Many Requests';
}

/** Returns false for a monitored decision, which denies no call. */
function isDenial({ allowed, mode }: Decision): boolean {
  return !allowed && mode === undefined;
}

function defaultMessage(outcome: Outcome): string {
  const wait = announcedSeconds(outcome);
  if (outcome.binding?.reason === 'concurrency' && wait !== null) {
    return `Too many requests at the same time. Retry in ${inSeconds(wait)}.`;
  }
  if (wait === null) return 'Too many requests. This one asks for more than the limit ever grants.';
  return `Too many requests. Retry in ${inSeconds(wait)}.`;
}

function inSeconds(seconds: number): string {
  return `${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
}
