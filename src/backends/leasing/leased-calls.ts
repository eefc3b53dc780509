import { type Awaitable, isPromise } from '../../core/awaitable.js';
import { isPlain } from '../../core/charge-checks.js';
import type { Clock } from '../../core/clock.js';
import { type Charge, isCost, type Outcome } from '../../core/decision.js';
import { receiptOf } from '../../core/receipt.js';
import type { Backend } from '../backend.js';
import { inDomain } from '../backend-error.js';
import { type Deadlined, DeadlineQueue } from '../resilience/deadline-queue.js';
import type { UnitReturns } from '../unit-returns.js';
import type { GrantWaiter } from './lease.js';
import { allowedBy } from './lease-decision.js';
import type { LeaseManager } from './lease-manager.js';
import { peekLeased } from './lease-peek.js';
import { type LeaseReservation, reserveLeased, Shortfall } from './lease-reservation.js';

/** A call that waits for a grant, or for the backend, until its deadline. */
class WaitingCall implements GrantWaiter, Deadlined {
  /** True once the caller has its outcome or error: nothing must be spent for it any more. */
  isOver = false;
  mayRenew = true;
  /** The charges that it waits for: one for a grant, or those that the backend decides. */
  waitsFor: readonly Charge[] = [];

  constructor(
    readonly charges: readonly Charge[],
    private readonly calls: LeasedCalls,
    private readonly deadlines: DeadlineQueue,
    private readonly resolve: (outcome: Outcome) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  granted(): void {
    this.calls.attempt(this);
  }

  complete(outcome: Outcome): void {
    this.#end();
    this.resolve(outcome);
  }

  /**
   * Rejects with an error that names the failure domain of the request it waits for, which missed this call's deadline.
   */
  fail(error: unknown): void {
    this.#end();
    this.reject(inDomain(error, this.calls.domainOf(this.waitsFor)));
  }

  #end(): void {
    this.isOver = true;
    this.deadlines.remove(this);
  }
}

/** Decides calls with at least one leased charge: all of their charges or none. */
export class LeasedCalls {
  readonly #deadlines: DeadlineQueue;

  /** @param timeoutMs how long a call waits at most. If infinite, it waits until its grants arrive */
  constructor(
    private readonly backend: Pick<Backend, 'spend' | 'peek' | 'domains'>,
    private readonly leases: LeaseManager,
    private readonly returns: UnitReturns,
    private readonly clock: Pick<Clock, 'now'>,
    timeoutMs: number,
  ) {
    this.#deadlines = new DeadlineQueue(timeoutMs);
  }

  /**
   * Decides a call of one leased charge that the held units cover; returns undefined for any other call. Most calls are
   * such calls, so this makes no list and no closure.
   */
  spendCovered(charges: readonly Charge[]): Outcome | undefined {
    const [charge] = charges;
    if (charge?.policy.lease === undefined || charges.length > 1 || !isCost(charge.cost) || charge.cost === 0) {
      return undefined;
    }
    if (!isPlain(charge)) return undefined;
    const now = this.clock.now();
    const lease = this.leases.take(charge, now);
    if (lease === undefined) return undefined;
    const decision = allowedBy(lease, now);
    return { allowed: true, decisions: [decision], binding: decision, receipt: receiptOf(lease.at, charges) };
  }

  /**
   * Decides a call whose charges are all leased: at once if the held units cover it, otherwise as `spendInTime` does.
   */
  spend(charges: readonly Charge[]): Awaitable<Outcome> {
    const result = this.#decide(charges);
    return result instanceof Shortfall ? this.#inTime(charges, (call) => this.#wait(call, result)) : result;
  }

  /**
   * Decides a call that may wait for grants and for the backend. Rejects after the deadline, and then nothing is spent.
   */
  spendInTime(charges: readonly Charge[]): Promise<Outcome> {
    return this.#inTime(charges, (call) => this.attempt(call));
  }

  #inTime(charges: readonly Charge[], start: (call: WaitingCall) => void): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const call = new WaitingCall(charges, this, this.#deadlines, resolve, reject);
      this.#deadlines.add(call);
      start(call);
    });
  }

  /** Lets a call wait for the next grant. */
  #wait(call: WaitingCall, { charge }: Shortfall): void {
    call.waitsFor = [charge];
    this.leases.request(charge, call);
  }

  /** Decides a waiting call now, or lets it wait for the next grant. */
  attempt(call: WaitingCall): void {
    if (call.isOver) return;
    const { charges } = call;
    try {
      const result = this.leases.isClosed ? this.backend.spend(charges) : this.#decide(charges, call);
      if (result instanceof Shortfall) this.#wait(call, result);
      else if (!isPromise(result)) call.complete(result);
      else
        result.then(
          (outcome) => call.complete(outcome),
          (error) => call.fail(error),
        );
    } catch (error) {
      // A custom backend may throw instead of rejecting. The callers that wait behind this one must still be notified.
      call.fail(error);
    }
  }

  /** Returns the failure domain of these charges; undefined if there are several, or if the backend names none. */
  domainOf(charges: readonly Charge[]): string | undefined {
    const domains = this.backend.domains?.of(charges) ?? [];
    return domains.length === 1 ? domains[0] : undefined;
  }

  #decide(charges: readonly Charge[], call?: WaitingCall): Awaitable<Outcome> | Shortfall {
    const covered = this.spendCovered(charges);
    if (covered !== undefined) return covered;
    const now = this.clock.now();
    const reserved = reserveLeased(charges, this.leases, now);
    if (reserved instanceof Shortfall) {
      if (!reserved.isDenied) return reserved;
      // Peeks at the same instant: a millisecond later the call might be allowed, although nothing was taken for it.
      return peekLeased(charges, this.backend, this.leases, now);
    }
    return reserved.isComplete ? reserved.commit() : this.#spendOthers(reserved, call);
  }

  /** Lets the backend decide the charges that are not leased, and with them the call. */
  async #spendOthers(reserved: LeaseReservation, call: WaitingCall | undefined): Promise<Outcome> {
    let outcome: Outcome;
    if (call !== undefined) call.waitsFor = reserved.others;
    try {
      outcome = await this.backend.spend(reserved.others);
    } catch (error) {
      reserved.cancel();
      throw error;
    }
    if (!outcome.allowed) return reserved.deny(outcome);
    if (!call?.isOver) return reserved.commit(outcome);
    // The deadline has passed and the caller has been rejected, so this outcome is not used.
    reserved.cancel();
    if (outcome.receipt !== undefined) this.returns.start(outcome.receipt);
    return outcome;
  }
}
