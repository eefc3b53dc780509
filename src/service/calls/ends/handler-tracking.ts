import { isPromise } from '../../../core/awaitable.js';
import { httpInterrupted } from '../../../transports/http/denial-exception.js';
import { currentSession } from '../session-store.js';

/**
 * Observes the promise that a handler of a controller or gateway returns, for calls that hold permits: the work goes on
 * after a timeout or an abort, when the caller no longer waits for it, and keeps its permit.
 *
 * Nest calls a handler with its method `apply`, and there is no hook for the result. So the function gets its own
 * method of that name. The function itself, its metadata and its wrappers stay the same.
 */
export function trackHandler(handler: object): void {
  if (typeof handler !== 'function' || Object.hasOwn(handler, 'apply')) return;
  // A frozen function is not tracked: its permits are freed when the response has closed.
  Reflect.defineProperty(handler, 'apply', {
    configurable: true,
    value: (instance: unknown, args: readonly unknown[]): unknown => runTracked(handler, instance, args),
  });
}

function runTracked(handler: CallableFunction, instance: unknown, args: readonly unknown[]): unknown {
  const session = currentSession();
  // The client went before the handler began, and another call may already have the permit.
  if (session?.permits?.isFree === true) throw httpInterrupted('client-gone');
  const result: unknown = Reflect.apply(handler, instance, args);
  if (session?.handlerLimits?.hasPermits === true && isPromise(result)) session.watchEnd()?.await(result);
  return result;
}
