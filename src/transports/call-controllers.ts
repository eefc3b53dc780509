import { sharedState } from '../core/copies.js';

/**
 * By the object that identifies a call: Node's request, or the arguments of a message's handler. Created when a signal
 * is read or aborted.
 */
const controllers = sharedState('call-controllers', () => new WeakMap<object, AbortController>());
/** The signals that have been read, of calls and of connections. */
const signals = sharedState('call-signals', () => new WeakMap<object, AbortSignal>());

/** Returns the controller of a call or a connection. */
export function controllerOf(target: object): AbortController {
  let controller = controllers.get(target);
  if (controller === undefined) {
    controller = new AbortController();
    controllers.set(target, controller);
  }
  return controller;
}

/** Returns the signal of a call or a connection. `make` is called once per target. */
export function signalOnce(target: object, make: () => AbortSignal): AbortSignal {
  let signal = signals.get(target);
  if (signal === undefined) {
    signal = make();
    signals.set(target, signal);
  }
  return signal;
}

/** Aborts the signal of a call, whether it has been read or not. */
export function abortCall(target: object, reason: Error): void {
  controllerOf(target).abort(reason);
}
