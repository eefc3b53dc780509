import type { HoldRequest } from '../../../backends/hold-store.js';
import { withDeadline } from '../../../backends/resilience/with-deadline.js';
import { isPromise } from '../../../core/awaitable.js';
import { systemClock } from '../../../core/clock.js';
import type { RuntimeSettings } from '../runtime-settings.js';
import type { PermitHolder } from './call-permits.js';
import type { ExtendedHold, Heartbeat } from './heartbeat.js';

/** How long a closing application waits until its permits are freed. */
const MAX_CLOSE_WAIT_MS = 5000;

/** An open permit. */
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

/** All open permits of this application. */
export class OpenPermits {
  readonly #open = new Map<HoldRequest, OpenPermit>();
  readonly #ending = new Set<Promise<void>>();

  /**
   * @param heartbeat extends permits while they are open
   * @param onFreed called with the permits that have been freed
   */
  constructor(
    private readonly settings: Pick<RuntimeSettings, 'backend' | 'fail'>,
    private readonly heartbeat: Heartbeat,
    private readonly onFreed: (permits: readonly HoldRequest[]) => void,
  ) {}

  /** The number of open permits. */
  get size(): number {
    return this.#open.size;
  }

  /** Starts extending permits. */
  add(permits: readonly HoldRequest[], holder: PermitHolder): void {
    for (const permit of permits) {
      const open = new OpenPermit(permit, holder, this.#remove);
      this.#open.set(permit, open);
      this.heartbeat.add(open);
    }
  }

  /** Frees permits, except those that are no longer open. Never throws: permits that cannot be freed expire. */
  free(permits: readonly HoldRequest[]): void {
    const open = permits.filter(this.#remove);
    if (open.length > 0) this.end(open);
  }

  /** Ends permits that were taken but have no holder. */
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

  /** Frees all permits, and waits for the backend. */
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
