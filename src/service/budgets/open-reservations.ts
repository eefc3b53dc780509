import type { HoldReference } from '../../backends/hold-store.js';
import type { ExtendedHold, Heartbeat } from '../calls/permits/heartbeat.js';

/** Milliseconds after which a hold expires that its process does not extend. */
export const HOLD_TTL_MS = 30_000;

/** What a process extends while a hold is open. It does not refer to the `BudgetHold`, whose owner may drop it. */
export class OpenReservation implements ExtendedHold {
  readonly ttlMs = HOLD_TTL_MS;
  /** True once the id of the hold was read: the hold may be ended by its id, in another process, too. */
  isIdRead = false;
  readonly #lost = new AbortController();

  /** @param place for errors: `budget("llm")` */
  constructor(
    readonly place: string,
    readonly reference: () => HoldReference,
  ) {}

  /** Aborted when the hold is lost. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  lose(): void {
    this.#lost.abort(new Error(`${this.place}: the hold has expired, or its budget was reset`));
  }
}

/** Extends the holds of an application until they have ended, or until nobody can end them any more. */
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
   * @param hold the object that its owner ends it by
   */
  add(hold: object, reservation: OpenReservation): void {
    this.heartbeat.add(reservation);
    this.#dropped.register(hold, reservation);
  }

  /** Extends a reservation no more. */
  remove(reservation: OpenReservation): void {
    this.heartbeat.remove(reservation);
  }
}
