import type { HoldRequest } from '../../../backends/hold-store.js';
import { withDeadline } from '../../../backends/resilience/with-deadline.js';
import { isPromise } from '../../../core/awaitable.js';
import { systemClock } from '../../../core/clock.js';
import type { RuntimeSettings } from '../runtime-settings.js';
import type { PermitHolder } from './call-permits.js';
import type { ExtendedHold, Heartbeat } from './heartbeat.js';

/** How long an application that closes waits for permits to be given back. */
const MAX_CLOSE_WAIT_MS = 5000;

/** A permit that is open. */
class OpenPermit implements ExtendedHold {
  constructor(
    private readonly permit: HoldRequest,
    private readonly holder: PermitHolder,
    private readonly onLost: (permit: HoldRequest) => unknown,
  ) {}

  get ttlMs(): number {
    return this.permit.ttlMs;
  }

  reference(): HoldRequest {
    return this.permit;
  }

  lose(): void {
    this.onLost(this.permit);
    this.holder.lose(this.permit);
  }
}

/** All permits that are open in this application. */
export class OpenPermits {
  readonly #open = new Map<HoldRequest, OpenPermit>();
  readonly #ending = new Set<Promise<void>>();

  /**
   * @param heartbeat extends permits while they are open
   * @param onFreed is told which permits are free again
   */
  constructor(
    private readonly settings: Pick<RuntimeSettings, 'backend' | 'fail'>,
    private readonly heartbeat: Heartbeat,
    private readonly onFreed: (permits: readonly HoldRequest[]) => void,
  ) {}

  /** The number of permits that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Extends permits from now on. */
  add(permits: readonly HoldRequest[], holder: PermitHolder): void {
    for (const permit of permits) {
      const open = new OpenPermit(permit, holder, this.#remove);
      this.#open.set(permit, open);
      this.heartbeat.add(open);
    }
  }

  /** Gives permits back. Those that are not open any more are left out. Never throws: what fails expires. */
  free(permits: readonly HoldRequest[]): void {
    const open = permits.filter(this.#remove);
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
    this.free([...this.#open.keys()]);
    if (this.#ending.size === 0) return;
    const late = () => new Error(`The application closes, and permits are not given back yet. They expire.`);
    const ended = Promise.all(this.#ending).then(() => {});
    await withDeadline(ended, systemClock.now() + MAX_CLOSE_WAIT_MS, late).catch(this.settings.fail);
  }

  readonly #remove = (permit: HoldRequest): boolean => {
    const open = this.#open.get(permit);
    if (open === undefined) return false;
    this.heartbeat.remove(open);
    return this.#open.delete(permit);
  };

  #track(ended: Promise<unknown>, permits: readonly HoldRequest[]): void {
    // A custom backend may return any thenable.
    const ending: Promise<void> = Promise.resolve(ended)
      .then(() => this.onFreed(permits))
      .catch(this.settings.fail)
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
