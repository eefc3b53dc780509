import { type Awaitable, chain } from '../core/awaitable.js';
import type { Outcome } from '../core/decision.js';
import { optionAt, show } from '../core/errors.js';
import { type Call, withContext } from '../transports/call.js';
import { httpDenial, httpUnavailable } from '../transports/http-denial.js';
import type { ThrottleUnavailableException } from '../transports/throttle.exception.js';
import type { LimitCharge } from './charges.js';
import type { Settings } from './settings.js';

/** Answers a denied call: tells `onDenied`, asks for the message, and throws; what it throws is the answer. */
export function deny(
  call: Call,
  outcome: Outcome,
  charges: readonly LimitCharge[],
  settings: Settings,
): Awaitable<never> {
  const limit = charges[outcome.decisions.findIndex(({ policy }) => policy === outcome.binding?.policy)]?.limit;
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
      throw httpDenial(outcome, text, settings.errors, call.response);
    }),
  );
}

/** The exception that answers a call which nothing could decide, where `onError` says `deny`. */
export function unavailable(settings: Settings, response: object | undefined): ThrottleUnavailableException {
  return httpUnavailable(settings.unavailableForMs(), settings.errors, response);
}
