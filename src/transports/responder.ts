import type { Awaitable } from '../core/awaitable.js';
import type { Decision, Outcome } from '../core/decision.js';
import type { Call, CallContext } from './call.js';

/** What a denied caller is told. */
export interface DenialMessage {
  /** What the policy's `message` says, if anything. */
  readonly message: string | object | undefined;
  /** The call's context under the policy that denied. */
  readonly context: CallContext;
}

/** A call that can be answered, as its transport makes it. */
export interface AnsweredCall extends Call {
  /**
   * Something was decided. Tells it, where an answer has a place for it.
   *
   * @param decisions those on the call so far
   * @param wasDenied whether the decision before denied
   */
  decided(outcome: Outcome, decisions: readonly Decision[], wasDenied: boolean): void;
  /** The call goes on. */
  admitted(): void;
  /** Answers a denied call: throws the answer, or sends it and comes to false. `ask` finds out what to say. */
  deny(outcome: Outcome, ask: () => Awaitable<DenialMessage>): Awaitable<false>;
  /** The same for a call that nothing could decide; it may be sent again in so many milliseconds. */
  unavailable(waitMs: number): false;
  /** Calls `listener` once the caller has gone; the function returned takes that back. */
  onLeave(listener: () => void): () => void;
}
