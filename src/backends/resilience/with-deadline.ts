import { systemClock } from '../../core/clock.js';

/** Resolves with `reply`. Rejects with `late()` if it has not settled by the local instant `dueMs`. */
export async function withDeadline<T>(reply: Promise<T>, dueMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    // After an event-loop stall, timers run before sockets are read. setImmediate lets replies that have arrived be read first.
    timer = setTimeout(() => setImmediate(() => reject(late())), Math.max(0, dueMs - systemClock.now()));
  });
  try {
    return await Promise.race([reply, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Resolves with `reply` unless `race` rejects first. A reply that comes later goes to `returnLate`, because the caller has
 * already been rejected.
 */
export async function orReturnLate<T>(
  reply: Promise<T>,
  race: (reply: Promise<T>) => Promise<T>,
  returnLate: (late: T) => void,
): Promise<T> {
  try {
    return await race(reply);
  } catch (error) {
    reply.then(returnLate, () => undefined);
    throw error;
  }
}
