import { isPromise } from '../../../core/awaitable.js';
import { httpInterrupted } from '../../../transports/http/denial-exception.js';
import { currentSession } from '../session-store.js';

/**
 * Notes what a handler of a controller or a gateway returns, for calls that hold permits: a permit is that of the promise, which goes on
 * when nobody waits for it any longer, after a timeout or an abort.
 *
 * Nest calls a handler by its method `apply`, and gives what it returns to nobody. So the function gets a method of that name of its
 * own. The function stays the same one, with its metadata, and so does what wraps it.
 */
export function trackHandler(handler: object): void {
  if (typeof handler !== 'function' || Object.hasOwn(handler, 'apply')) return;
  // A function that is frozen is not tracked: its permits are free when the response has closed.
  Reflect.defineProperty(handler, 'apply', {
    configurable: true,
    value: (instance: unknown, args: readonly unknown[]): unknown => runTracked(handler, instance, args),
  });
}

function runTracked(handler: CallableFunction, instance: unknown, args: readonly unknown[]): unknown {
  const session = currentSession();
  // The client went before the handler began, and another call may have the permit by now.
  if (session?.permits?.isFree === true) throw httpInterrupted('client-gone');
  const result: unknown = Reflect.apply(handler, instance, args);
  if (session?.handlerLimits?.hasPermits === true && isPromise(result)) session.watchEnd()?.await(result);
  return result;
}
