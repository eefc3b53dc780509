/** A value, or a promise of one. What is no promise is never awaited, so that a synchronous path stays synchronous. */
export type Awaitable<T> = T | Promise<T>;

/** Whether `value` has to be awaited (any thenable, not only native promises). */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/**
 * The same of a value that is known to be a promise of this language's own or none at all: a look at its prototype, where
 * asking anything for a member that it lacks is several times as dear.
 */
export function isNativePromise<T>(value: Awaitable<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** Goes on with `next`: at once with a value, later with a promise. */
export function chain<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value);
}

/** Maps each item in order; a promise only where one of the results is a promise. */
export function chainAll<T, U>(items: readonly T[], map: (item: T) => Awaitable<U>): Awaitable<readonly U[]> {
  let pending = false;
  const results: Awaitable<U>[] = [];
  for (const item of items) {
    try {
      const result = map(item);
      pending ||= isPromise(result);
      results.push(result);
    } catch (error) {
      if (!pending) throw error;
      // Those before it are under way: what becomes of them is still somebody's, and not an unhandled rejection.
      results.push(Promise.reject(error));
      break;
    }
  }
  // The cast is sound: without a pending promise every result is a U.
  return pending ? Promise.all(results) : (results as U[]);
}
