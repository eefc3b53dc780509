import { systemClock } from '../../core/clock.js';
import { isStalled } from './deadline-queue.js';

/**
 * Resolves with `reply`. Rejects with `late()` if it has not settled by the local instant `dueMs`. If the event loop of
 * this process was stalled during the wait, it waits once more for as long: a part of the request may have been sent
 * only after the stall.
 */
export async function withDeadline<T>(reply: Promise<T>, dueMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const waitMs = Math.max(0, dueMs - systemClock.now());
  const deadline = new Promise<never>((_, reject) => {
    // After an event-loop stall, timers run before sockets are read. setImmediate lets replies that have arrived be
    // read first.
    const end = () => setImmediate(() => reject(late()));
    timer = setTimeout(() => {
      if (isStalled(dueMs, systemClock.now())) timer = setTimeout(end, waitMs);
      else end();
    }, waitMs);
  });
  try {
    return await Promise.race([reply, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Resolves with `reply` unless `race` rejects first. A reply that comes later goes to `returnLate`, because the caller
 * has already been rejected.
 */
export async function orReturnLate<T>(
  reply: Promise<T>,
  race: (reply: Promise<T>) => Promise<T>,
  returnLate: (late: T) => void,
): Promise<T> {
  try {
    return await race(reply);
  } catch (error) {
    // Nothing awaits this promise, so its rejection would end the process; a custom backend may reply with anything.
    reply.then(returnLate).catch(() => undefined);
    throw error;
  }
}
