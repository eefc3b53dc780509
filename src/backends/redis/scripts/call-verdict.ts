import type { Outcome } from '../../../core/decision.js';
import type { Emitter } from '../../../core/emitter.js';
import type { Target } from '../../backend.js';
import { BackendError } from '../../backend-error.js';
import type { BackendEvent } from '../../backend-events.js';

/** A call that a script did not decide: it came after its deadline, or a key held a value that Sluice did not write. */
export interface Undecided {
  readonly kind: 'late' | 'foreign-value';
}

/** The reply of a script to one call. */
export type CallVerdict = { readonly kind: 'decided'; readonly outcome: Outcome } | Undecided;

/**
 * Returns the outcome of a verdict, or emits `garbage` if a foreign value was the reason that there is none.
 *
 * @throws BackendError if the script did not decide the call
 */
export function outcomeOf(verdict: CallVerdict, targets: readonly Target[], events: Emitter<BackendEvent>): Outcome {
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
export function unexpectedReply(): TypeError {
  return new TypeError(
    'unexpected reply from the Redis script: the Lua of a custom strategy may omit a member of its decision',
  );
}
