import { type Awaitable, chain } from '../../core/awaitable.js';
import { describeValue, optionAt } from '../../core/errors.js';
import { withContext } from '../../transports/call.js';
import type { AnsweredCall, DenialMessage } from '../../transports/responder.js';
import { type ChargedOutcome, limitAt } from './charge-builder.js';
import type { RuntimeSettings } from './runtime-settings.js';

/** Answers a denied call, once `onDenied` has been told and the message asked for. What `onDenied` throws is the answer. */
export function deny(call: AnsweredCall, evaluation: ChargedOutcome, settings: RuntimeSettings): Awaitable<false> {
  return call.deny(evaluation.outcome, () => denialOf(call, evaluation, settings));
}

function denialOf(call: AnsweredCall, evaluation: ChargedOutcome, settings: RuntimeSettings): Awaitable<DenialMessage> {
  const { outcome } = evaluation;
  const { binding, decisions } = outcome;
  const limit = binding === null ? undefined : limitAt(evaluation, decisions.indexOf(binding));
  const told = limit?.context === undefined ? call : withContext(call, { ...limit.context, ...call.context });
  const message = limit?.message ?? settings.message;
  const onDenied = limit?.onDenied ?? settings.onDenied;
  return chain(onDenied?.(told, outcome), () =>
    chain(typeof message === 'function' ? message(told, outcome) : message, (text) => {
      if (text !== undefined && typeof text !== 'string' && (typeof text !== 'object' || text === null)) {
        throw new TypeError(
          `${optionAt(limit?.message === undefined ? 'ThrottleModule' : limit.place, 'message')}: expected a text or an object, got ${describeValue(text)}`,
        );
      }
      return { message: text, context: told.context };
    }),
  );
}
