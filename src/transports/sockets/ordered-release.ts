import { type Awaitable, isPromise } from '../../core/awaitable.js';

/**
 * Returns a function that releases items in order of arrival, each after its verdict is known. If no earlier item
 * waits, an item with a known verdict is released at once. An item with the verdict `false` is dropped. Verdicts must
 * not reject.
 */
export function orderedRelease(): (isAllowed: Awaitable<boolean>, release: () => void) => void {
  let last: Promise<void> | undefined;
  return (isAllowed, release) => {
    if (last === undefined && !isPromise(isAllowed)) {
      if (isAllowed) release();
      return;
    }
    // A dropped item does not wait, because all denied items of a flood would be kept in memory.
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

/** Releases an item. An exception of a listener is uncaught, as without this queue, and does not stop later items. */
function releaseSafely(release: () => void): void {
  try {
    release();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
