import { Observable, type Observer, type Unsubscribable } from 'rxjs';
import type { HandlerEnd } from './call-end.js';

/** Is told what becomes of a handler. */
export interface HandlerObserver {
  begin?(): void;
  /** The handler has settled, or its caller has left it. */
  end(end: HandlerEnd): void;
  /** The handler has completed, before its caller knows. `isAnswered`: it emitted a value other than undefined and null. */
  complete?(isAnswered: boolean): void;
}

/**
 * Runs a handler for its caller, and tells an observer how it ends. A caller may leave a stream, or a promise: what the promise stands
 * for may go on then.
 *
 * @param start subscribes to what the handler returns
 */
export function observeHandler(
  start: (answers: Observer<unknown>) => Unsubscribable,
  observer: HandlerObserver,
): Observable<unknown> {
  return new Observable((subscriber) => {
    let last: { readonly value?: unknown } = {};
    let isAnswered = false;
    observer.begin?.();
    // An observer and not `tap`, which costs each call another Observable.
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
