import type { Charge, Decision, Outcome } from '../core/decision.js';
import type { CallContext } from './call.js';

/** The message for a denied caller. */
export interface DenialMessage {
  /** As the policy's `message` says, if it says anything. */
  readonly message: string | object | undefined;
  /** The status of a response over HTTP. Default: 429. */
  readonly status?: 429 | 503 | undefined;
  /** The call's context under the policy that denied. */
  readonly context: CallContext;
}

/** Thrown by `onDenied` or `message` while the message was composed: it takes the place of the message. */
export interface DenialError {
  readonly error: unknown;
}

export type Denial = DenialMessage | DenialError;

/** Why a delayed call does not go on: its client has gone, or the application is closing. */
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
  /** Closed because of its denials: calls that still arrive on it are dropped. */
  readonly isClosed: boolean;
  /** Returns the denial of a call while too many others of the connection await their decision; undefined if there is room. */
  overflow(): Outcome | undefined;
  /** Counts a call as awaiting its decision until the promise is settled. */
  track<T>(decision: Promise<T>): Promise<T>;
}

/**
 * How a transport responds to a call that is limited.
 *
 * @typeParam Rejection what a rejected call ends with: `never` if rejecting throws
 */
export interface Responder<Rejection = false> {
  readonly connection?: Connection | undefined;
  /**
   * Reports a decision if the response has a place for it, such as headers. The call need not be bound by it.
   *
   * @param decisions all decisions on the call so far
   * @param charges those that the decisions are on, in the same order
   * @param previous the outcome before this one on the same call
   */
  report(
    outcome: Outcome,
    decisions: readonly Decision[],
    charges: readonly Charge[],
    previous: Outcome | undefined,
  ): void;
  /** Notes that the call is bound by an outcome. Comes before `onDenied` and `message` run, which may throw. */
  enforce(outcome: Outcome): void;
  /** Rejects a denied call. */
  reject(outcome: Outcome, denial: Denial): Rejection;
  /**
   * Rejects a call that could not be checked because the backend is unavailable, or a function of the user has not answered.
   *
   * @param cause the error, if it is known
   */
  rejectUnavailable(retryAfterMs: number, cause?: Error): Rejection;
  /** Rejects an allowed call whose delay was interrupted. */
  rejectInterrupted(cause: Interruption): Rejection;
  /** Calls `listener` once the client has gone. Returns a function that removes the listener. */
  onClientGone(listener: () => void): () => void;
  /** What ends the call; undefined: its end cannot be seen, as that of a request whose response is not known. */
  readonly endsWith?: 'response' | 'handler' | undefined;
  /** Calls `listener` once the response has closed, where calls have one. Returns a function that removes the listener. */
  onEnd?(listener: (end: ResponseEnd) => void): () => void;
  /** Sends a denied call's acknowledgement, if the client asked for one and the call had no other response. */
  acknowledge?(): void;
}
