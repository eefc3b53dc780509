import { BoundedMap } from '../../../core/bounded-map.js';
import type { HoldRequest } from '../../hold-store.js';

/** The maximum number of failed calls that may have been taken and are remembered. */
const MAX_ABANDONED = 10_000;

/** A call that holds are taken for. */
export interface HoldCall {
  /** Notes that the call has failed, so its caller holds nothing. */
  abandon(): void;
  /**
   * Returns false if a later call of this process has one of its ids: units that were taken late belong to that call.
   */
  isAbandoned(): boolean;
}

/**
 * Remembers failed calls whose replies may still arrive. Units that such a call took are returned, unless a later call
 * has the same ids: that call found the holds open, and uses them.
 */
export class LateHolds {
  readonly #abandoned = new BoundedMap<string, HoldCall>(MAX_ABANDONED);

  begin(holds: readonly HoldRequest[]): HoldCall {
    if (this.#abandoned.size > 0) for (const hold of holds) this.#abandoned.delete(nameOf(hold));
    let isFailed = false;
    const call: HoldCall = {
      abandon: () => {
        isFailed = true;
        for (const hold of holds) this.#abandoned.set(nameOf(hold), call);
      },
      isAbandoned: () => !isFailed || holds.every((hold) => this.#abandoned.get(nameOf(hold)) === call),
    };
    return call;
  }
}

function nameOf({ policy, subject, id }: HoldRequest): string {
  return `${policy.id}\n${subject}\n${id}`;
}
