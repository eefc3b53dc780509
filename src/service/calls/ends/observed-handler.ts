import { Observable, type Observer, type Unsubscribable } from 'rxjs';
import type { HandlerEnd } from './call-end.js';

/** Observes how a handler ends. */
export interface HandlerObserver {
  begin?(): void;
  /** Called when the handler has settled, or its caller no longer waits for it. */
  end(end: HandlerEnd): void;
  /**
   * Called when the handler has completed, before its caller is notified. `isAnswered` is true if it emitted a value
   * other than undefined and null.
   */
  complete?(isAnswered: boolean): void;
}

/**
 * Runs a handler for its caller, and notifies an observer of its end. A caller may stop waiting for a stream or a
 * promise; the work of the promise may then go on.
 *
 * @param start subscribes to the result of the handler
 */
export function observeHandler(
  start: (answers: Observer<unknown>) => Unsubscribable,
  observer: HandlerObserver,
): Observable<unknown> {
  return new Observable((subscriber) => {
    let last: { readonly value?: unknown } = {};
    let isAnswered = false;
    observer.begin?.();
    // An observer instead of `tap`, which would cost each call another Observable.
    const subscription = start({
      next: (answer) => {
        last = { value: answer };
        isAnswered ||= answer !== undefined && answer !== null;
        subscriber.next(answer);
      },
      error: (error: unknown) => {
        observer.end({ error });
        subscriber.error(error);
      },
      complete: () => {
        observer.complete?.(isAnswered);
        observer.end({ value: last.value });
        subscriber.complete();
      },
    });
    return () => {
      subscription.unsubscribe();
      observer.end({ ...last, isLeft: true });
    };
  });
}
