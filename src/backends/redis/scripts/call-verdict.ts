import type { Outcome } from '../../../core/decision.js';
import type { Emitter } from '../../../core/emitter.js';
import { ThrottleConfigError } from '../../../core/errors.js';
import type { Target } from '../../backend.js';
import { BackendError } from '../../backend-error.js';
import type { BackendEvent } from '../../backend-events.js';
import type { OverrideTarget } from '../../settings-store.js';
import { UnexpectedReplyError } from '../clients/reply-errors.js';

/** The reply of a script that checks a deadline. */
export interface TimedReply {
  /** The server's time, in epoch milliseconds. */
  readonly serverMs: number;
  /** True if the request was refused because it came after its deadline. */
  readonly isLate: boolean;
}

/** A call that a script did not decide: it came after its deadline, or a key held a value that Sluice did not write. */
export type Undecided = { readonly kind: 'late' } | { readonly kind: 'foreign-value' };

/** A call with a recorded charge by a custom strategy that does not count it. Nothing was taken. */
export type NotRecorded = { readonly kind: 'not-recorded' };

/**
 * A call to send again. Either its run was refused as late because of another call (`undecided`), or the script for one
 * strategy does not support the value under the key, but the general script does (`unsupported`).
 */
export type ToSendAgain = { readonly kind: 'undecided' } | { readonly kind: 'unsupported' };

/** The verdict of a script on one call that ends it. */
export type FinalVerdict =
  | {
      readonly kind: 'decided';
      readonly outcome: Outcome;
      /** The subjects whose overrides cannot be read, if any. */
      readonly unreadable?: readonly OverrideTarget[];
    }
  | Undecided
  | NotRecorded;

/** The reply of a script to one call. */
export type CallVerdict = FinalVerdict | ToSendAgain;

/**
 * Returns the outcome of a verdict, or emits `garbage` if a foreign value was the reason that there is none.
 *
 * @throws BackendError if the script did not decide the call
 * @throws ThrottleConfigError for a recorded charge that a custom strategy does not count
 */
export function outcomeOf(verdict: FinalVerdict, targets: readonly Target[], events: Emitter<BackendEvent>): Outcome {
  if (verdict.kind === 'not-recorded') throw notRecordedError(targets);
  if (verdict.kind !== 'decided') throw undecidedError(verdict, targets, events);
  return verdict.outcome;
}

/** Returns the error of a call that a script did not decide, and emits `garbage` if a foreign value was the reason. */
export function undecidedError(
  { kind }: Undecided,
  targets: readonly Target[],
  events: Emitter<BackendEvent>,
): BackendError {
  if (kind === 'late') return new BackendError('LATE', 'The request reached Redis after its deadline and was refused');
  events.emit({ type: 'garbage', policies: targets.map(({ policy }) => policy.name) });
  return new BackendError('GARBAGE', 'A key held a value that Sluice did not write; it was deleted');
}

/** The error of a reply that none of our scripts gives. */
export function unexpectedReply(): UnexpectedReplyError {
  return new UnexpectedReplyError();
}

function notRecordedError(targets: readonly Target[]): ThrottleConfigError {
  const names = [...new Set(targets.map(({ policy }) => policy.name))].map((name) => `"${name}"`).join(', ');
  return new ThrottleConfigError(
    'SLUICE_STRATEGY_FAILED',
    `a call on ${names}: the Lua of a custom strategy does not record a charge: its amend has to raise a charge of 0 units at \`now\` to any cost, also from the empty state.`,
  );
}
