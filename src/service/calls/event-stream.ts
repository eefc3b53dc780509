import { Observable, type Observer, type Operator, Subscriber, type Subscription } from 'rxjs';
import { FencedListener } from '../../core/emitter.js';

type Next<T> = ((value: T) => void) | null | undefined;

/**
 * A stream whose subscribers cannot affect its source or each other. RxJS rethrows an exception of a subscriber
 * asynchronously, which ends the process; this stream reports it instead, even for a subscriber after operators
 * (`pipe`).
 */
export class EventStream<T> extends Observable<T> {
  /** @param report receives the exceptions of subscribers, at most one per minute and subscriber */
  constructor(
    source: Observable<unknown>,
    private readonly report: (error: unknown) => void,
    operator?: Operator<unknown, T>,
  ) {
    super();
    this.source = source;
    this.operator = operator;
  }

  /** Makes `pipe` return streams of this class, too. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    return new EventStream<R>(this, this.report, operator);
  }

  override subscribe(observerOrNext?: Partial<Observer<T>> | Next<T>): Subscription;
  override subscribe(next?: Next<T>, error?: Next<unknown>, complete?: (() => void) | null): Subscription;
  override subscribe(
    observerOrNext?: Partial<Observer<T>> | Next<T>,
    error?: Next<unknown>,
    complete?: (() => void) | null,
  ): Subscription {
    // The subscriber of an operator. Errors are caught for the subscriber after it.
    if (isSubscriber(observerOrNext)) return super.subscribe(observerOrNext);
    const observer: Partial<Observer<T>> =
      typeof observerOrNext === 'object' && observerOrNext !== null
        ? observerOrNext
        : {
            ...(observerOrNext && { next: observerOrNext }),
            ...(error && { error }),
            ...(complete && { complete }),
          };
    return super.subscribe(this.#fenced(observer));
  }

  #fenced(observer: Partial<Observer<T>>): Observer<T> {
    const fence = new FencedListener<() => unknown>((notify) => notify(), this.report);
    return {
      next: (value) => fence.call(() => observer.next?.(value)),
      error: (error: unknown) => {
        if (observer.error === undefined) fence.failed(error);
        else fence.call(() => observer.error?.(error));
      },
      complete: () => fence.call(() => observer.complete?.()),
    };
  }
}

/** Returns true for a subscriber, also of another copy of RxJS. Uses the same check as RxJS. */
function isSubscriber<T>(value: unknown): value is Subscriber<T> {
  if (value instanceof Subscriber) return true;
  const methods = ['next', 'error', 'complete', 'add', 'unsubscribe'];
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function')
  );
}
