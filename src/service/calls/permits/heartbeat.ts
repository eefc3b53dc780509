import { AsyncResource } from 'node:async_hooks';
import type { HoldReference } from '../../../backends/hold-store.js';
import type { RuntimeSettings } from '../runtime-settings.js';
import { startInterval } from './interval.js';

/** The number of heartbeats before a hold expires, so that one may be lost. */
const BEATS_PER_TTL = 3;

/** A hold that is extended while it is open: a permit, or a reservation of a token budget. */
export interface ExtendedHold {
  /** Milliseconds after which it expires if it is not extended. */
  readonly ttlMs: number;
  /** Returns its identification in the backend. */
  reference(): HoldReference;
  /** Called if the backend no longer has it: it had expired, or its budget was reset. */
  lose(): void;
}

/** Extends all open holds of an application with one timer, which runs only while there are any. */
export class Heartbeat {
  readonly #open = new Set<ExtendedHold>();
  /** The context of startup: a running timer keeps alive the contents of AsyncLocalStorage where it was started. */
  readonly #scope = new AsyncResource('Heartbeat');
  #beatMs = Number.POSITIVE_INFINITY;
  #stopBeating = () => {};
  #isBeating = false;

  constructor(private readonly settings: Pick<RuntimeSettings, 'backend' | 'clock' | 'fail'>) {}

  /** Starts extending a hold. */
  add(hold: ExtendedHold): void {
    this.#open.add(hold);
    const beatMs = Math.floor(hold.ttlMs / BEATS_PER_TTL);
    if (beatMs >= this.#beatMs) return;
    this.#stopBeating();
    this.#beatMs = beatMs;
    const { clock } = this.settings;
    this.#stopBeating = this.#scope.runInAsyncScope(startInterval, undefined, clock, beatMs, () => void this.#beat());
  }

  /** Stops extending a hold. Returns false if it was not being extended. */
  remove(hold: ExtendedHold): boolean {
    const wasOpen = this.#open.delete(hold);
    if (this.#open.size === 0) this.#stop();
    return wasOpen;
  }

  /** Stops extending all holds, so that open ones expire. */
  close(): void {
    this.#open.clear();
    this.#stop();
  }

  #stop(): void {
    this.#stopBeating();
    this.#stopBeating = () => {};
    this.#beatMs = Number.POSITIVE_INFINITY;
  }

  /** Extends all holds, in one backend call per time to live. */
  async #beat(): Promise<void> {
    const { holds } = this.settings.backend;
    // A slow backend is not called again before it has responded.
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
