import { setImmediate, setTimeout } from 'node:timers/promises';

/** Longer than any wait takes on a loaded machine, and shorter than Jest's timeout, so that the error says what was awaited. */
export const CEILING_MS = 30_000;

/** Turns of the event loop to spend before pausing between looks: a long wait then leaves the CPU to what it waits for. */
const EAGER_TURNS = 1000;

/** Lets the event loop turn until `isSo` holds: for what requests do over sockets. Throws after {@link CEILING_MS}. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + CEILING_MS;
  for (let turn = 0; !(await isSo()); turn++) {
    if (performance.now() > giveUpAt) throw new Error(`Not so within ${CEILING_MS} ms: ${isSo}`);
    await (turn < EAGER_TURNS ? setImmediate() : setTimeout(1));
  }
}
