import { type Awaitable, chain, isPromise } from '../../core/awaitable.js';
import { describeValue, optionAt } from '../../core/errors.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import { type Call, withContext } from '../../transports/call.js';
import type { FunctionOwner } from '../../transports/functions/function-deadlines.js';
import type { Denial, DenialMessage } from '../../transports/responder.js';
import { type ChargedOutcome, limitAt } from './charges/prepared-charges.js';
import type { RuntimeSettings } from './runtime-settings.js';

const MODULE: FunctionOwner = { place: 'ThrottleModule' };

/**
 * Composes the message for a denied caller: calls `onDenied`, then `message`. If one of them throws, returns the error
 * instead.
 */
export function composeDenial(charged: ChargedOutcome, call: Call, settings: RuntimeSettings): Awaitable<Denial> {
  try {
    const message = composeMessage(charged, call, settings);
    return isPromise(message) ? message.catch((error: unknown) => ({ error })) : message;
  } catch (error) {
    return { error };
  }
}

function composeMessage(charged: ChargedOutcome, call: Call, settings: RuntimeSettings): Awaitable<DenialMessage> {
  const { outcome } = charged;
  const { binding, decisions } = outcome;
  const limit = binding === null ? undefined : limitAt(charged, decisions.indexOf(binding));
  const limitedCall = limit?.context === undefined ? call : withContext(call, { ...limit.context, ...call.context });
  const { deadlines } = settings;
  const message = limit?.message ?? settings.message;
  const onDenied = limit?.onDenied ?? settings.onDenied;
  // Most denials return here, without closures.
  if (message === undefined && onDenied === undefined) return messageOf(undefined, limit, limitedCall);
  const ownerOf = (option: 'message' | 'onDenied') => (limit?.[option] === undefined ? MODULE : limit);
  return chain(deadlines.bound(onDenied?.(limitedCall, outcome), ownerOf('onDenied'), 'onDenied'), () => {
    const written = typeof message === 'function' ? message(limitedCall, outcome) : message;
    return chain(deadlines.bound(written, ownerOf('message'), 'message'), (text) => {
      if (text !== undefined && typeof text !== 'string' && (typeof text !== 'object' || text === null)) {
        throw new TypeError(
          `${optionAt(ownerOf('message').place, 'message')}: expected a string or an object, got ${describeValue(text)}`,
        );
      }
      return messageOf(text, limit, limitedCall);
    });
  });
}

function messageOf(
  message: DenialMessage['message'],
  limit: CompiledLimit | undefined,
  { context }: Call,
): DenialMessage {
  return { message, status: limit?.concurrency?.status, context };
}
