import { Observable, Subscriber } from 'rxjs';
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
  start: (answers: Subscriber<unknown>) => unknown,
  observer: HandlerObserver,
): Observable<unknown> {
  return new Observable((caller) => {
    const answers = new ObservedAnswers(caller, observer);
    observer.begin?.();
    start(answers);
    return answers;
  });
}

/**
 * The answers of a handler on the way to its caller. A subscriber and not an observer, around which RxJS would put a
 * subscriber, a second observer and three bound functions: half of the cost of a message with an acknowledgement.
 */
class ObservedAnswers extends Subscriber<unknown> {
  #last: unknown;
  #hasEmitted = false;
  #isAnswered = false;
  #isEnded = false;

  constructor(
    private readonly caller: Subscriber<unknown>,
    private readonly observer: HandlerObserver,
  ) {
    super();
  }

  protected override _next(answer: unknown): void {
    this.#last = answer;
    this.#hasEmitted = true;
    this.#isAnswered ||= answer !== undefined && answer !== null;
    this.caller.next(answer);
  }

  protected override _error(error: unknown): void {
    this.#end({ error });
    this.caller.error(error);
  }

  protected override _complete(): void {
    this.observer.complete?.(this.#isAnswered);
    this.#end({ value: this.#last });
    this.caller.complete();
  }

  /** Also called after the handler has ended. */
  override unsubscribe(): void {
    super.unsubscribe();
    if (!this.#isEnded) this.#end(this.#hasEmitted ? { value: this.#last, isLeft: true } : { isLeft: true });
  }

  #end(end: HandlerEnd): void {
    this.#isEnded = true;
    this.observer.end(end);
  }
}
