import { type Awaitable, isPromise } from '../../core/awaitable.js';

/**
 * Returns a function that releases items in the order in which they came, each once its own verdict is there. An item
 * whose verdict is there is released at once if none waits before it. An item with the verdict `false` is dropped.
 * Verdicts may not reject.
 */
export function orderedRelease(): (isAllowed: Awaitable<boolean>, release: () => void) => void {
  let last: Promise<void> | undefined;
  return (isAllowed, release) => {
    if (last === undefined && !isPromise(isAllowed)) {
      if (isAllowed) release();
      return;
    }
    // A dropped item does not wait: those denied in a flood would all be kept in memory.
    if (isAllowed === false) return;
    const previous = last;
    const releaseInTurn = async () => {
      const isReleased = await isAllowed;
      await previous;
      if (isReleased) releaseSafely(release);
      if (last === own) last = undefined;
    };
    const own = releaseInTurn();
    last = own;
  };
}

/** An exception of a listener is uncaught, as it would be without this queue, and does not stop the items behind it. */
function releaseSafely(release: () => void): void {
  try {
    release();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
