import type { HoldRequest } from '../../../backends/hold-store.js';
import { withDeadline } from '../../../backends/resilience/with-deadline.js';
import { isPromise } from '../../../core/awaitable.js';
import { systemClock } from '../../../core/clock.js';
import type { RuntimeSettings } from '../runtime-settings.js';
import type { PermitHolder } from './call-permits.js';
import { startInterval } from './interval.js';

/** Heartbeats in the time after which a permit expires. */
const BEATS_PER_TTL = 3;
/** How long an application that closes waits for permits to be given back. */
const MAX_CLOSE_WAIT_MS = 5000;

/** All permits that are open in this application. One timer extends them, and runs only while there are any. */
export class OpenPermits {
  readonly #holders = new Map<HoldRequest, PermitHolder>();
  readonly #ending = new Set<Promise<void>>();
  #beatMs = Number.POSITIVE_INFINITY;
  #stopBeating = () => {};
  #isBeating = false;

  /** @param onFreed is told which permits are free again */
  constructor(
    private readonly settings: Pick<RuntimeSettings, 'backend' | 'clock' | 'fail'>,
    private readonly onFreed: (permits: readonly HoldRequest[]) => void,
  ) {}

  /** The number of permits that are open. */
  get size(): number {
    return this.#holders.size;
  }

  /** Extends permits from now on. */
  add(permits: readonly HoldRequest[], holder: PermitHolder): void {
    for (const permit of permits) this.#holders.set(permit, holder);
    const beatMs = Math.min(...permits.map(({ ttlMs }) => Math.floor(ttlMs / BEATS_PER_TTL)));
    if (beatMs >= this.#beatMs) return;
    this.#stopBeating();
    this.#beatMs = beatMs;
    this.#stopBeating = startInterval(this.settings.clock, beatMs, () => void this.#beat());
  }

  /** Gives permits back. Those that are not open any more are left out. Never throws: what fails expires. */
  free(permits: readonly HoldRequest[]): void {
    const open = permits.filter((permit) => this.#holders.delete(permit));
    if (this.#holders.size === 0) this.#stop();
    if (open.length > 0) this.end(open);
  }

  /** Ends permits that were taken, and that nobody holds. */
  end(permits: readonly HoldRequest[]): void {
    const { holds } = this.settings.backend;
    if (holds === undefined || permits.length === 0) return;
    try {
      const ended = holds.end(permits.map((permit) => ({ ...permit, units: 0 })));
      if (isPromise(ended)) this.#track(ended, permits);
      else this.onFreed(permits);
    } catch (error) {
      this.settings.fail(error);
    }
  }

  /** Gives all permits back, and waits until the backend has them. */
  async close(): Promise<void> {
    this.free([...this.#holders.keys()]);
    if (this.#ending.size === 0) return;
    const late = () => new Error(`The application closes, and permits are not given back yet. They expire.`);
    const ended = Promise.all(this.#ending).then(() => {});
    await withDeadline(ended, systemClock.now() + MAX_CLOSE_WAIT_MS, late).catch(this.settings.fail);
  }

  #track(ended: Promise<unknown>, permits: readonly HoldRequest[]): void {
    // A custom backend may return any thenable.
    const ending: Promise<void> = Promise.resolve(ended)
      .then(() => this.onFreed(permits))
      .catch(this.settings.fail)
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  #stop(): void {
    this.#stopBeating();
    this.#stopBeating = () => {};
    this.#beatMs = Number.POSITIVE_INFINITY;
  }

  /** Extends all open permits: in one call, unless policies have different times to live. */
  async #beat(): Promise<void> {
    const { holds } = this.settings.backend;
    // A slow backend is not asked again before it has answered.
    if (this.#isBeating || holds === undefined) return;
    this.#isBeating = true;
    try {
      const open = [...this.#holders.keys()];
      const extend = async (ttlMs: number) => {
        const permits = open.filter((permit) => permit.ttlMs === ttlMs);
        this.#noteLost(permits, await holds.extend(permits, ttlMs));
      };
      await Promise.all([...new Set(open.map(({ ttlMs }) => ttlMs))].map(extend));
    } catch (error) {
      // The next heartbeat tries again, before the permits expire.
      this.settings.fail(error);
    } finally {
      this.#isBeating = false;
    }
  }

  #noteLost(permits: readonly HoldRequest[], areHeld: readonly boolean[]): void {
    for (const [i, permit] of permits.entries()) {
      if (areHeld[i] !== false) continue;
      const holder = this.#holders.get(permit);
      this.#holders.delete(permit);
      holder?.lose(permit);
    }
    if (this.#holders.size === 0) this.#stop();
  }
}
