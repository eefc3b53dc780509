import type { CallResult } from '../../../transports/call.js';
import type { Responder, ResponseEnd } from '../../../transports/responder.js';

/** How a call ended. */
export interface EndedCall {
  readonly result: CallResult;
  /** Over HTTP a status of 400 or above, or no response; elsewhere a handler that threw. */
  readonly isFailure: boolean;
  /** True if the client had gone before it was answered. */
  readonly isAborted: boolean;
}

/** How a handler ended. */
export interface HandlerEnd {
  /** Absent unless the handler failed. */
  readonly error?: unknown;
  /** The last value; absent unless there was one, or the handler completed. */
  readonly value?: unknown;
  /** True if its caller has left it before it came to its end. */
  readonly isLeft?: true;
}

/**
 * The end of one call: the response has closed, and the handler has settled, whichever comes last. A transport without responses, such
 * as sockets, has the handler's end alone; a handler that nothing observes, or that did not run, has no part in it. A promise that a
 * handler returned, and that nobody waits for any longer, may be waited for here (`await`).
 */
export class CallEnd {
  #response: ResponseEnd | 'open' | 'none' = 'none';
  #handler: HandlerEnd | 'running' | 'none' = 'none';
  /** Promises of handlers that are pending. */
  #pending = 0;
  #ended: EndedCall | undefined;
  #listeners: ((ended: EndedCall) => void)[] = [];

  constructor(responder: Pick<Responder<unknown>, 'endsWith' | 'onEnd'>) {
    if (responder.endsWith !== 'response') return;
    this.#response = 'open';
    responder.onEnd?.((end) => {
      this.#response = end;
      this.#conclude();
    });
  }

  /** Calls `listener` once the call has ended: now if it has. */
  whenEnded(listener: (ended: EndedCall) => void): void {
    if (this.#ended === undefined) this.#listeners.push(listener);
    else listener(this.#ended);
  }

  /** The handler begins, or begins again: an interceptor may try several times. */
  beginHandler(): void {
    this.#handler = 'running';
  }

  /** The handler has settled. The first end since it began counts. */
  endHandler(end: HandlerEnd): void {
    if (typeof this.#handler === 'object') return;
    this.#handler = end;
    this.#conclude();
  }

  /** The call does not end before the promise of its handler is settled, whoever has left it. */
  await(promise: PromiseLike<unknown>): void {
    this.#pending += 1;
    const settle = () => {
      this.#pending -= 1;
      this.#conclude();
    };
    promise.then(settle, settle);
  }

  /** The handler of a message will not run: the message was dropped, or its client has gone. Changes nothing once it has begun. */
  abandon(): void {
    if (this.#handler === 'none') this.endHandler({});
  }

  #conclude(): void {
    if (this.#ended !== undefined || this.#response === 'open' || this.#handler === 'running') return;
    // Without a response, and before the handler has ended, a promise is that of a call in the handler.
    if (this.#pending > 0 || (this.#response === 'none' && this.#handler === 'none')) return;
    this.#ended = endedCall(this.#response, this.#handler);
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(this.#ended);
  }
}

/** Returns how a call ended whose handler did not run. */
export function endedWithResponse(response: ResponseEnd): EndedCall {
  return endedCall(response, 'none');
}

/** Returns how a call ended that has no response. */
export function endedWithHandler(handler: HandlerEnd): EndedCall {
  return endedCall('none', handler);
}

function endedCall(response: ResponseEnd | 'none', handler: HandlerEnd | 'none'): EndedCall {
  const { isLeft, ...ofHandler }: HandlerEnd = handler === 'none' ? {} : handler;
  // On sockets a handler is left when its client has gone.
  if (response === 'none') return { result: ofHandler, isFailure: 'error' in ofHandler, isAborted: isLeft === true };
  const { status, isComplete } = response;
  if (status === undefined) return { result: ofHandler, isFailure: true, isAborted: true };
  return { result: { ...ofHandler, status }, isFailure: status >= FIRST_FAILURE, isAborted: !isComplete };
}

/** The lowest status of a response that says that a request failed. */
const FIRST_FAILURE = 400;
