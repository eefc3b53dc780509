/** A value or a promise of one. A plain value is never awaited, so that a synchronous path stays synchronous. */
export type Awaitable<T> = T | Promise<T>;

/** Returns true if `value` has to be awaited: any thenable, not only a native promise. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/**
 * Returns true for a native promise. Use it where no other thenable can occur: checking the prototype is several times
 * faster than looking up a `then` that is not there.
 */
export function isNativePromise<T>(value: Awaitable<T>): value is Promise<T> {
  return value instanceof Promise;
}

/** Calls `next` with the value: now if it is a plain value, once it is resolved if it is a promise. */
export function chain<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? Promise.resolve(value).then(next) : next(value);
}

/** Maps the items in order. Returns a promise only if one of the results is a promise. */
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
      // Earlier items are already running. The error joins them as a rejected promise, so that `Promise.all` observes
      // every result.
      results.push(Promise.reject(error));
      break;
    }
  }
  // Without a promise among them, every result is a U.
  return pending ? Promise.all(results) : (results as U[]);
}
