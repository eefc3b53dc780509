import type { CallResult } from '../../../transports/call.js';
import type { Responder, ResponseEnd } from '../../../transports/responder.js';

/** How a call ended. */
export interface EndedCall {
  readonly result: CallResult;
  /** True over HTTP for a status of 400 or above, or no response; elsewhere if the handler threw. */
  readonly isFailure: boolean;
  /** True if the client had gone before the response. */
  readonly isAborted: boolean;
}

/** How a handler ended. */
export interface HandlerEnd {
  /** Absent unless the handler failed. */
  readonly error?: unknown;
  /** The last value. Absent if the handler neither emitted a value nor completed. */
  readonly value?: unknown;
  /** True if the caller stopped waiting before the handler ended. */
  readonly isLeft?: true;
}

/**
 * The end of one call: both its response has closed and its handler has settled. On a transport without responses, such
 * as sockets, only the handler counts; a handler that is not observed or did not run is ignored. `await` also waits for
 * a promise of a handler that its caller no longer waits for.
 */
export class CallEnd {
  #response: ResponseEnd | 'open' | 'none' = 'none';
  #handler: HandlerEnd | 'running' | 'none' = 'none';
  /** The number of pending promises of handlers. */
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

  /** Calls `listener` when the call has ended; at once if it already has. */
  whenEnded(listener: (ended: EndedCall) => void): void {
    if (this.#ended === undefined) this.#listeners.push(listener);
    else listener(this.#ended);
  }

  /** Records that the handler begins. It may begin several times, because an interceptor may retry. */
  beginHandler(): void {
    this.#handler = 'running';
  }

  /** Records that the handler has settled. Only the first end since it began counts. */
  endHandler(end: HandlerEnd): void {
    if (typeof this.#handler === 'object') return;
    this.#handler = end;
    this.#conclude();
  }

  /** Keeps the call open until the promise of its handler has settled, even if the caller no longer waits for it. */
  await(promise: PromiseLike<unknown>): void {
    this.#pending += 1;
    const settle = () => {
      this.#pending -= 1;
      this.#conclude();
    };
    promise.then(settle, settle);
  }

  /**
   * Records that the handler of a message will not run, because the message was dropped or its client has gone. Has no
   * effect after the handler has begun.
   */
  abandon(): void {
    if (this.#handler === 'none') this.endHandler({});
  }

  #conclude(): void {
    if (this.#ended !== undefined || this.#response === 'open' || this.#handler === 'running') return;
    // Without a response, a promise that settles before the handler has ended does not end the call.
    if (this.#pending > 0 || (this.#response === 'none' && this.#handler === 'none')) return;
    this.#ended = endedCall(this.#response, this.#handler);
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(this.#ended);
  }
}

/** Returns the end of a call whose handler did not run. */
export function endedWithResponse(response: ResponseEnd): EndedCall {
  return endedCall(response, 'none');
}

/** Returns the end of a call without a response. */
export function endedWithHandler(handler: HandlerEnd): EndedCall {
  return endedCall('none', handler);
}

function endedCall(response: ResponseEnd | 'none', handler: HandlerEnd | 'none'): EndedCall {
  const { isLeft, ...ofHandler }: HandlerEnd = handler === 'none' ? {} : handler;
  // On sockets, the caller stops waiting when its client has gone.
  if (response === 'none') return { result: ofHandler, isFailure: 'error' in ofHandler, isAborted: isLeft === true };
  const { status, isComplete } = response;
  if (status === undefined) return { result: ofHandler, isFailure: true, isAborted: true };
  return { result: { ...ofHandler, status }, isFailure: status >= FIRST_FAILURE, isAborted: !isComplete };
}

/** The lowest status of a failed request. */
const FIRST_FAILURE = 400;
