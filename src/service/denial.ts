import { type Awaitable, chain } from '../core/awaitable.js';
import type { Outcome } from '../core/decision.js';
import { optionAt, show } from '../core/errors.js';
import type { AnsweredCall, Denial } from '../transports/answered-call.js';
import { withContext } from '../transports/call.js';
import type { LimitCharge } from './charges.js';
import type { Settings } from './settings.js';

/** Answers a denied call, once `onDenied` has been told and the message asked for. What `onDenied` throws is the answer. */
export function deny(
  call: AnsweredCall,
  outcome: Outcome,
  charges: readonly LimitCharge[],
  settings: Settings,
): Awaitable<false> {
  return call.deny(outcome, () => denialOf(call, outcome, charges, settings));
}

function denialOf(
  call: AnsweredCall,
  outcome: Outcome,
  charges: readonly LimitCharge[],
  settings: Settings,
): Awaitable<Denial> {
  const { binding, decisions } = outcome;
  const limit = binding === null ? undefined : charges[decisions.indexOf(binding)]?.limit;
  const told = limit?.context === undefined ? call : withContext(call, { ...limit.context, ...call.context });
  const message = limit?.message ?? settings.message;
  const onDenied = limit?.onDenied ?? settings.onDenied;
  return chain(onDenied?.(told, outcome), () =>
    chain(typeof message === 'function' ? message(told, outcome) : message, (text) => {
      if (text !== undefined && typeof text !== 'string' && (typeof text !== 'object' || text === null)) {
        throw new TypeError(
          `${optionAt(limit?.message === undefined ? 'ThrottleModule' : limit.place, 'message')}: expected a text or an object, got ${show(text)}`,
        );
      }
      return { message: text, context: told.context };
    }),
  );
}
