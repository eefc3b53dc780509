import type { HoldReference } from '../../backends/hold-store.js';
import type { ExtendedHold, Heartbeat } from '../calls/permits/heartbeat.js';

/** Milliseconds after which a hold expires if its process does not extend it. */
export const HOLD_TTL_MS = 30_000;

/**
 * The reservation that a process extends while a hold is open. It does not reference the `BudgetHold`, so that the
 * `BudgetHold` can be garbage-collected.
 */
export class OpenReservation implements ExtendedHold {
  readonly ttlMs = HOLD_TTL_MS;
  /** True if the id of the hold was read. Then the hold may be ended by its id, in any process. */
  isIdRead = false;
  readonly #lost = new AbortController();

  /** @param place for errors: `budget("llm")` */
  constructor(
    readonly place: string,
    readonly reference: () => HoldReference,
  ) {}

  /** Aborts when the hold is lost. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  lose(): void {
    this.#lost.abort(new Error(`${this.place}: the hold has expired, or its budget was reset`));
  }
}

/** Extends the holds of an application until they have ended, or until they can no longer be ended. */
export class OpenReservations {
  readonly #dropped: FinalizationRegistry<OpenReservation>;

  constructor(
    private readonly heartbeat: Heartbeat,
    warn: (message: string) => void,
  ) {
    this.#dropped = new FinalizationRegistry((reservation) => {
      if (reservation.isIdRead || !heartbeat.remove(reservation)) return;
      warn(
        `${reservation.place}: a hold was neither settled nor cancelled, and nobody can do so any more, so it expires. Cancel it in a \`finally\`, or read its \`id\` to settle it later.`,
      );
    });
  }

  /**
   * Extends a reservation from now on.
   *
   * @param hold the object with which its owner ends it
   */
  add(hold: object, reservation: OpenReservation): void {
    this.heartbeat.add(reservation);
    this.#dropped.register(hold, reservation);
  }

  /** Stops extending a reservation. */
  remove(reservation: OpenReservation): void {
    this.heartbeat.remove(reservation);
  }
}
