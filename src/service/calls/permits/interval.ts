import { type Clock, systemClock } from '../../../core/clock.js';

/**
 * Runs a task every `ms` milliseconds of a clock, first after `ms`, until the returned function is called. It does not
 * keep the process alive.
 */
export function startInterval(clock: Clock, ms: number, task: () => void): () => void {
  if (clock === systemClock) {
    const timer = setInterval(task, ms).unref();
    return () => clearInterval(timer);
  }
  const stop = new AbortController();
  const waitForNext = () => {
    clock.wait(ms, stop.signal).then(
      () => {
        waitForNext();
        task();
      },
      () => {},
    );
  };
  waitForNext();
  return () => stop.abort();
}
