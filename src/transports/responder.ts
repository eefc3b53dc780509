import type { Charge, Decision, Outcome } from '../core/decision.js';
import type { CallContext } from './call.js';

/** The message for a denied caller. */
export interface DenialMessage {
  /** The policy's `message`, if it has one. */
  readonly message: string | object | undefined;
  /** The status of a response over HTTP. Default: 429. */
  readonly status?: 429 | 503 | undefined;
  /** The call's context under the policy that denied. */
  readonly context: CallContext;
}

/** An error thrown by `onDenied` or `message`. It is used instead of the message. */
export interface DenialError {
  readonly error: unknown;
}

export type Denial = DenialMessage | DenialError;

/** Why a delayed call was interrupted: its client has gone, or the application is closing. */
export type Interruption = 'client-gone' | 'closing';

/** How a response ended. */
export interface ResponseEnd {
  /** Undefined if no part of a response was sent. */
  readonly status: number | undefined;
  /** False if the client had gone before the response was complete. */
  readonly isComplete: boolean;
}

/** A connection that several calls share, on transports that have one. */
export interface Connection {
  /** True if it was closed because of its denials. Calls that still arrive on it are dropped. */
  readonly isClosed: boolean;
  /** Returns a denial if too many calls of the connection await their decision; else undefined. */
  overflow(): Outcome | undefined;
  /** Counts a call as awaiting its decision until the promise settles. */
  track<T>(decision: Promise<T>): Promise<T>;
}

/**
 * How a transport responds to a call that is limited.
 *
 * @typeParam Rejection the result of rejecting a call: `never` if rejecting throws
 */
export interface Responder<Rejection = false> {
  readonly connection?: Connection | undefined;
  /**
   * Reports decisions if the response has a place for them, such as headers. They need not be enforced.
   *
   * @param decisions all decisions on the call so far
   * @param charges the charges of the decisions, in the same order
   * @param previous the outcome before this one on the same call
   */
  report(
    outcome: Outcome,
    decisions: readonly Decision[],
    charges: readonly Charge[],
    previous: Outcome | undefined,
  ): void;
  /** Records that an outcome is enforced. Called before `onDenied` and `message`, which may throw. */
  enforce(outcome: Outcome): void;
  /** Rejects a denied call. */
  reject(outcome: Outcome, denial: Denial): Rejection;
  /**
   * Rejects a call that could not be checked because the backend is unavailable, or a function of the user timed out.
   *
   * @param cause the error, if it is known
   */
  rejectUnavailable(retryAfterMs: number, cause?: Error): Rejection;
  /** Rejects an allowed call whose delay was interrupted. */
  rejectInterrupted(cause: Interruption): Rejection;
  /** Calls `listener` once the client has gone. Returns a function that removes the listener. */
  onClientGone(listener: () => void): () => void;
  /**
   * The event that ends the call. Undefined if its end cannot be observed, for example because the response of a
   * request is not known.
   */
  readonly endsWith?: 'response' | 'handler' | undefined;
  /**
   * Calls `listener` once the response has closed, on transports with responses. Returns a function that removes the
   * listener.
   */
  onEnd?(listener: (end: ResponseEnd) => void): () => void;
  /** Sends a denied call's acknowledgement, if the client asked for one and the call had no other response. */
  acknowledge?(): void;
}
