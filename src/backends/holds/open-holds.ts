/** A hold of a budget. */
export interface OpenHold {
  readonly id: number;
  readonly units: number;
  /** The instant at which it expires. */
  readonly expiresAt: number;
}

/** The open holds of one budget. */
export class OpenHolds {
  readonly #holds = new Map<number, OpenHold>();
  #held = 0;
  /** A lower bound of all expiries, so that most calls need not search for expired holds. */
  #earliestMs = Number.POSITIVE_INFINITY;

  /** The sum of all units. */
  get held(): number {
    return this.#held;
  }

  /** The number of holders. */
  get size(): number {
    return this.#holds.size;
  }

  get(id: number): OpenHold | undefined {
    return this.#holds.get(id);
  }

  /** Adds a hold, or replaces it. */
  set(hold: OpenHold): void {
    this.#held += hold.units - (this.#holds.get(hold.id)?.units ?? 0);
    this.#holds.set(hold.id, hold);
    this.#earliestMs = Math.min(this.#earliestMs, hold.expiresAt);
  }

  /** Removes a hold, and returns it; undefined if there is none. */
  remove(id: number): OpenHold | undefined {
    const hold = this.#holds.get(id);
    if (hold === undefined) return undefined;
    this.#holds.delete(id);
    this.#held -= hold.units;
    return hold;
  }

  /** Removes the holds that have expired, and returns them in the order of their expiry. */
  removeExpired(now: number): readonly OpenHold[] {
    if (now < this.#earliestMs) return NONE;
    const expired = this.byExpiry().filter(({ expiresAt }) => expiresAt <= now);
    for (const { id } of expired) this.remove(id);
    this.#earliestMs = Math.min(...this.#expiries());
    return expired;
  }

  /** The instant at which the last hold expires; undefined if there is none. */
  latestMs(): number | undefined {
    return this.size === 0 ? undefined : Math.max(...this.#expiries());
  }

  /** The holds, in the order of their expiry. */
  byExpiry(): readonly OpenHold[] {
    return [...this.#holds.values()].sort((a, b) => a.expiresAt - b.expiresAt);
  }

  copy(): OpenHolds {
    const copy = new OpenHolds();
    for (const hold of this.#holds.values()) copy.set(hold);
    return copy;
  }

  #expiries(): readonly number[] {
    return Array.from(this.#holds.values(), ({ expiresAt }) => expiresAt);
  }
}

const NONE: readonly OpenHold[] = [];
