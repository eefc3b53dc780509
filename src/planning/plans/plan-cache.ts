import type { Awaitable } from '../../core/awaitable.js';
import { BoundedMap } from '../../core/bounded-map.js';
import type { Clock } from '../../core/clock.js';
import { mapKey } from '../../core/key.js';
import type { PlanHolder } from './plan-holder.js';

/** A plan's name; undefined if it is not known yet. */
export type FoundPlan = string | undefined;

/** Subjects whose plans are kept. */
const MAX_SUBJECTS = 10_000;

interface Entry {
  readonly subject: string;
  /** Whether it was found where no plan means the default plan. Before that, no plan means that it is not known yet. */
  readonly isFinal: boolean;
  plan: Awaitable<FoundPlan>;
  /** The look-up is shared, and its answer is kept, until then. */
  untilMs: number;
  /** Shared by the look-ups of a subject: also what one finds that another has replaced is known. */
  readonly known: LastKnown;
}

interface LastKnown {
  plan: FoundPlan;
}

/** The plans of subjects that an asynchronous function found: each is asked for once in a while, and concurrent look-ups are shared. */
export class PlanCache {
  readonly #entries = new BoundedMap<string, Entry>(MAX_SUBJECTS);

  /** @param forMs how long a plan is kept */
  constructor(
    private readonly forMs: number,
    private readonly clock: Clock,
  ) {}

  /** Returns the plan that is kept, or being looked up, for a subject. `null`: there is none. */
  get(holder: PlanHolder, isFinal: boolean): Awaitable<FoundPlan> | null {
    const entry = this.#entries.get(mapKey(holder.key));
    const now = this.clock.now();
    // After a clock that stepped back, a plan would be kept for longer by that step.
    if (entry === undefined || now >= entry.untilMs || now < entry.untilMs - this.forMs) return null;
    // A look-up in the guard phase that found no plan may find one in the handler phase.
    return entry.isFinal || !isFinal || typeof entry.plan === 'string' ? entry.plan : null;
  }

  /**
   * Keeps a look-up, and what it finds.
   *
   * @param recover returns the plan to use if the look-up fails, given the last known one, or throws
   * @returns the look-up, which rejects only with what `recover` throws
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
        // A look-up that was forgotten meanwhile, or replaced, is not kept.
        if (this.#entries.get(key) === entry) {
          entry.plan = found;
          entry.untilMs = this.clock.now() + this.forMs;
        }
        return found;
      },
      (error: unknown) => {
        // The next call asks again.
        if (this.#entries.get(key) === entry) {
          if (known.plan === undefined) this.#entries.delete(key);
          else entry.untilMs = 0;
        }
        return recover(error, known.plan);
      },
    );
    // A look-up that never ends is shared for that long only.
    const untilMs = this.clock.now() + this.forMs;
    const entry: Entry = { subject: mapKey(holder.subject), isFinal, plan, untilMs, known };
    this.#entries.set(key, entry);
    return plan;
  }

  /** Drops the plans of a subject, in all scopes, and those that are being looked up. */
  forget(subject: string): void {
    const wanted = mapKey(subject);
    for (const [key, entry] of this.#entries) if (entry.subject === wanted) this.#entries.delete(key);
  }
}
