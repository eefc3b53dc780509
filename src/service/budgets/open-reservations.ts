import type { AsyncResource } from 'node:async_hooks';
import type { HoldReference, HoldStore } from '../../backends/hold-store.js';
import { type Clock, systemClock } from '../../core/clock.js';

/** Milliseconds after which a hold expires that its process extends. */
export const HEARTBEAT_TTL_MS = 30_000;
/** Three heartbeats in that time: one may be lost. */
const BEAT_MS = 10_000;

/** A hold that is extended while it is open. */
export interface Reservation {
  /** Returns how the backend knows it. */
  reference(): HoldReference;
  /** It has expired at the backend, or its budget was reset. */
  lose(): void;
}

/** The holds of this application that are open. One timer extends them, and runs only while there are any. */
export class OpenReservations {
  readonly #open = new Set<Reservation>();
  #stop: (() => void) | undefined;
  #isBeating = false;

  /** @param scope where the timer is started, whoever makes it start */
  constructor(
    private readonly holds: HoldStore,
    private readonly clock: Clock,
    private readonly scope: AsyncResource,
    private readonly fail: (error: unknown) => void,
  ) {}

  add(reservation: Reservation): void {
    this.#open.add(reservation);
    this.#stop ??= this.scope.runInAsyncScope(startInterval, undefined, this.clock, BEAT_MS, () => void this.#beat());
  }

  remove(reservation: Reservation): void {
    this.#open.delete(reservation);
    if (this.#open.size === 0) this.close();
  }

  /** Extends nothing any more: what is open expires. */
  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  async #beat(): Promise<void> {
    // A slow backend is not asked again before it has answered.
    if (this.#isBeating) return;
    this.#isBeating = true;
    const open = [...this.#open];
    try {
      const answers = await this.holds.extend(
        open.map((one) => one.reference()),
        HEARTBEAT_TTL_MS,
      );
      for (const [i, one] of open.entries()) if (answers[i] === false && this.#open.has(one)) one.lose();
    } catch (error) {
      // The next heartbeat tries again, before the holds expire.
      this.fail(error);
    } finally {
      this.#isBeating = false;
    }
  }
}

/** Runs a task again and again until the function that it returns is called. It keeps no process alive. */
function startInterval(clock: Clock, ms: number, task: () => void): () => void {
  if (clock === systemClock) {
    const timer = setInterval(task, ms).unref();
    return () => clearInterval(timer);
  }
  const stop = new AbortController();
  const waitForNext = (): void => {
    clock.wait(ms, stop.signal).then(
      () => {
        task();
        waitForNext();
      },
      () => undefined,
    );
  };
  waitForNext();
  return () => stop.abort();
}
