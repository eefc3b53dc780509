import { systemClock } from '../../core/clock.js';

/** What `reply` brings; rejects with `late()` where it has brought nothing by the local instant `dueMs`. */
export async function withDeadline<T>(reply: Promise<T>, dueMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const isDue = new Promise<never>((_, reject) => {
    // After a stall of this process timers come before the replies that lie in the socket: those are read first.
    timer = setTimeout(() => setImmediate(() => reject(late())), Math.max(0, dueMs - systemClock.now()));
  });
  try {
    return await Promise.race([reply, isDue]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What `reply` brings, unless `race` rejects first: then it is void, and `giveBack` gets it when it comes, since the caller
 * has another answer.
 */
export async function orReturnLate<T>(
  reply: Promise<T>,
  race: (reply: Promise<T>) => Promise<T>,
  giveBack: (late: T) => void,
): Promise<T> {
  try {
    return await race(reply);
  } catch (error) {
    reply.then(giveBack, () => undefined);
    throw error;
  }
}
