import type { Awaitable } from '../../core/awaitable.js';
import { BoundedMap } from '../../core/bounded-map.js';
import type { Clock } from '../../core/clock.js';
import { mapKey } from '../../core/key.js';
import type { PlanHolder } from './plan-holder.js';

/** A plan's name; undefined if it is not known yet. */
export type FoundPlan = string | undefined;

/** The largest number of subjects whose plans are cached. */
const MAX_SUBJECTS = 10_000;

interface Entry {
  readonly subject: string;
  /**
   * True if it was looked up where no plan means the default plan. Before that, no plan means that it is not known yet.
   */
  readonly isFinal: boolean;
  plan: Awaitable<FoundPlan>;
  /** Until then the look-up is shared and its result is cached. */
  untilMs: number;
  /** Shared by all look-ups of a subject, so that the result of a replaced look-up is known, too. */
  readonly known: LastKnown;
}

interface LastKnown {
  plan: FoundPlan;
}

/** Caches the plans of subjects that an asynchronous function found. Concurrent look-ups of a subject are shared. */
export class PlanCache {
  readonly #entries = new BoundedMap<string, Entry>(MAX_SUBJECTS);

  /** @param forMs how long a plan is cached, in milliseconds */
  constructor(
    private readonly forMs: number,
    private readonly clock: Clock,
  ) {}

  /** Returns the cached plan of a subject, or the running look-up; `null` if there is neither. */
  get(holder: PlanHolder, isFinal: boolean): Awaitable<FoundPlan> | null {
    const entry = this.#entries.get(mapKey(holder.key));
    const now = this.clock.now();
    // If the clock has stepped back, the plan would be cached for too long.
    if (entry === undefined || now >= entry.untilMs || now < entry.untilMs - this.forMs) return null;
    // If a look-up in the guard phase found no plan, one in the handler phase may find it.
    return entry.isFinal || !isFinal || typeof entry.plan === 'string' ? entry.plan : null;
  }

  /**
   * Caches a look-up and its result.
   *
   * @param recover returns the plan to use if the look-up fails, given the last known one, or throws
   * @returns the look-up, which rejects only with an error of `recover`
   */
  keep(
    holder: PlanHolder,
    isFinal: boolean,
    lookup: Promise<FoundPlan>,
    recover: (error: unknown, lastKnown: FoundPlan) => FoundPlan,
  ): Promise<FoundPlan> {
    const key = mapKey(holder.key);
    const known = this.#entries.get(key)?.known ?? { plan: undefined };
    const plan = lookup.then(
      (found) => {
        known.plan = found ?? known.plan;
        // Not cached if the look-up was dropped or replaced in the meantime.
        if (this.#entries.get(key) === entry) {
          entry.plan = found;
          entry.untilMs = this.clock.now() + this.forMs;
        }
        return found;
      },
      (error: unknown) => {
        // The next call starts a new look-up.
        if (this.#entries.get(key) === entry) {
          if (known.plan === undefined) this.#entries.delete(key);
          else entry.untilMs = 0;
        }
        return recover(error, known.plan);
      },
    );
    // A look-up that never settles is shared only until then.
    const untilMs = this.clock.now() + this.forMs;
    const entry: Entry = { subject: mapKey(holder.subject), isFinal, plan, untilMs, known };
    this.#entries.set(key, entry);
    return plan;
  }

  /** Drops the plans of a subject in all scopes, and its running look-ups. */
  forget(subject: string): void {
    const wanted = mapKey(subject);
    for (const [key, entry] of this.#entries) if (entry.subject === wanted) this.#entries.delete(key);
  }
}
