import { type Awaitable, isPromise } from '../../core/awaitable.js';

/**
 * A line of things that wait for verdicts: each goes on once its own has come, and not before those that came earlier.
 * At once, where nobody waits and the verdict is there. A verdict may not reject.
 */
export function orderedRelease(): (verdict: Awaitable<boolean>, go: () => void) => void {
  let last: Promise<void> | undefined;
  return (verdict, go) => {
    if (last === undefined && !isPromise(verdict)) {
      if (verdict) go();
      return;
    }
    // A turn that will not be taken need not wait: those denied in a flood would all be kept.
    if (verdict === false) return;
    const before = last;
    const turn = async () => {
      const goesOn = await verdict;
      await before;
      if (goesOn) run(go);
      if (last === mine) last = undefined;
    };
    const mine = turn();
    last = mine;
  };
}

/** What a listener throws is thrown where it would be without a line, and not into the turns behind it. */
function run(go: () => void): void {
  try {
    go();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
