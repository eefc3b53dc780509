import { AsyncResource } from 'node:async_hooks';
import type { HoldReference } from '../../../backends/hold-store.js';
import type { RuntimeSettings } from '../runtime-settings.js';
import { startInterval } from './interval.js';

/** Heartbeats in the time after which a hold expires: one may be lost. */
const BEATS_PER_TTL = 3;

/** A hold that is extended while it is open: a permit, or a reservation of a token budget. */
export interface ExtendedHold {
  /** Milliseconds after which it expires unless it is extended. */
  readonly ttlMs: number;
  /** Returns how the backend knows it. */
  reference(): HoldReference;
  /** The backend has it no longer: it had expired, or its budget was reset. */
  lose(): void;
}

/** Extends all open holds of an application. One timer does so, and runs only while there are any. */
export class Heartbeat {
  readonly #open = new Set<ExtendedHold>();
  /** That of startup: a timer keeps what AsyncLocalStorage holds where it was started, for as long as it runs. */
  readonly #scope = new AsyncResource('Heartbeat');
  #beatMs = Number.POSITIVE_INFINITY;
  #stopBeating = () => {};
  #isBeating = false;

  constructor(private readonly settings: Pick<RuntimeSettings, 'backend' | 'clock' | 'fail'>) {}

  /** Extends a hold from now on. */
  add(hold: ExtendedHold): void {
    this.#open.add(hold);
    const beatMs = Math.floor(hold.ttlMs / BEATS_PER_TTL);
    if (beatMs >= this.#beatMs) return;
    this.#stopBeating();
    this.#beatMs = beatMs;
    const { clock } = this.settings;
    this.#stopBeating = this.#scope.runInAsyncScope(startInterval, undefined, clock, beatMs, () => void this.#beat());
  }

  /** Extends a hold no more. Returns false if it is not extended any more. */
  remove(hold: ExtendedHold): boolean {
    const wasOpen = this.#open.delete(hold);
    if (this.#open.size === 0) this.#stop();
    return wasOpen;
  }

  /** Extends nothing any more: what is open expires. */
  close(): void {
    this.#open.clear();
    this.#stop();
  }

  #stop(): void {
    this.#stopBeating();
    this.#stopBeating = () => {};
    this.#beatMs = Number.POSITIVE_INFINITY;
  }

  /** Extends all holds: in one call, unless they have different times to live. */
  async #beat(): Promise<void> {
    const { holds } = this.settings.backend;
    // A slow backend is not asked again before it has answered.
    if (this.#isBeating || holds === undefined) return;
    this.#isBeating = true;
    try {
      const open = [...this.#open];
      const extend = async (ttlMs: number) => {
        const some = open.filter((hold) => hold.ttlMs === ttlMs);
        const answers = await holds.extend(
          some.map((hold) => hold.reference()),
          ttlMs,
        );
        for (const [i, hold] of some.entries()) if (answers[i] === false && this.remove(hold)) hold.lose();
      };
      await Promise.all([...new Set(open.map(({ ttlMs }) => ttlMs))].map(extend));
    } catch (error) {
      // The next heartbeat tries again, before the holds expire.
      this.settings.fail(error);
    } finally {
      this.#isBeating = false;
    }
  }
}
