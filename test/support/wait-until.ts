import { setImmediate } from 'node:timers/promises';

/** Lets the event loop turn until `isSo` holds: for what requests do over sockets. Throws after 5 seconds. */
export async function until(isSo: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 5000;
  while (!isSo()) {
    if (performance.now() > giveUpAt) throw new Error(`Waited 5 seconds in vain for ${isSo}`);
    await setImmediate();
  }
}
