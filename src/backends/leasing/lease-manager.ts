import type { Clock } from '../../core/clock.js';
import type { Charge, Receipt } from '../../core/decision.js';
import { receiptOf } from '../../core/receipt.js';
import type { Backend, Grant, Target } from '../backend.js';
import type { UnitReturns } from '../unit-returns.js';
import { type GrantWaiter, isLeased, type Lease } from './lease.js';
import { isRenewalDue, recordGrant, unitsToRequest } from './lease-renewal.js';
import { LeaseTable } from './lease-table.js';

const MAX_LEASES = 10_000;
/** Charges in one receipt when all units are returned. */
const MAX_CHARGES_RETURNED = 100;

/**
 * The leases of a process: units are taken from the server in batches and spent here. It starts no timers.
 *
 * **Bound: in each window of the server's clock at most the limit is spent, by any number of processes, whatever
 * latencies, lost and late replies, crashes and clock offsets occur, as long as the rates of their clocks are within
 * 0.1 % of the server's.** A unit is spent once, by one process, after the server has counted it, and before the window
 * that the server counted it in has ended: the time that was left of the window is counted from before the request was
 * sent. If the server's clock is set forward, its windows end sooner than that.
 *
 * Source: Gray and Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache Consistency",
 * SOSP 1989, "Fault-tolerance" (clocks that drift).
 */
export class LeaseManager {
  readonly #table = new LeaseTable();
  readonly #grantsInFlight = new Set<Promise<void>>();
  #isClosed = false;

  /**
   * @param server grants the units
   * @param returns sends unspent units back to the server
   * @param clock the process's own clock, which must be monotonic
   * @param maxLeases budgets and subjects with a lease at most; the least recently used one returns its units
   */
  constructor(
    private readonly server: Required<Pick<Backend, 'lease'>>,
    private readonly returns: UnitReturns,
    private readonly clock: Pick<Clock, 'now'>,
    private readonly maxLeases = MAX_LEASES,
  ) {}

  /** True once `close` has been called: nothing should be leased any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Returns the lease of a budget and subject, valid or not. */
  find(target: Target): Lease | undefined {
    return this.#table.find(target);
  }

  /**
   * Returns true if a charge is spent from a lease. A cost of 0 reads a valid lease, and the server if there is none.
   */
  isSpentHere(charge: Charge): boolean {
    if (!isLeased(charge)) return false;
    return charge.cost > 0 || this.#table.find(charge)?.isValid(this.clock.now()) === true;
  }

  /** Spends a charge from its lease and returns the lease; returns undefined if the held units do not cover it. */
  take(charge: Charge, now: number): Lease | undefined {
    const lease = this.#table.find(charge);
    if (lease === undefined || !lease.covers(charge.cost, now)) return undefined;
    lease.held -= charge.cost;
    this.#table.use(lease);
    if (isRenewalDue(lease, now)) this.#startGrant(lease);
    return lease;
  }

  /** Returns true if a charge is known to be denied: the held units do not cover it, and the server has none. */
  isDenied(charge: Charge, now: number): boolean {
    if (charge.cost > charge.policy.limit) return true;
    const lease = this.#table.find(charge);
    return lease !== undefined && now < lease.emptyUntilMs && !lease.covers(charge.cost, now);
  }

  /** Requests the units that a charge lacks, or waits for the grant in flight. */
  request(charge: Charge, waiter: GrantWaiter): void {
    const lease = this.#table.find(charge) ?? this.#add(charge);
    lease.waiters.push({ cost: charge.cost, waiter });
    lease.shortfall += charge.cost;
    if (!lease.isGrantPending) this.#startGrant(lease);
  }

  /**
   * Puts units back into their lease.
   *
   * @param at the server's instant of the grant that they were taken from
   * @returns false if no lease can take them, so that they must be returned to the server
   */
  putBack(target: Target, at: number, units: number): boolean {
    return this.#table.find(target)?.putBack(at, units) ?? false;
  }

  /** Gives up a charge that was taken: its units go back into the lease, or to the server if no lease can take them. */
  cancel(charge: Charge, at: number): void {
    if (charge.cost > 0 && !this.putBack(charge, at, charge.cost)) this.returns.start(receiptOf(at, [charge]));
  }

  /**
   * Drops the leases of a budget that is reset. Held units and a grant in flight belong to a count that no longer
   * exists.
   */
  discard({ policy, subject }: Target): void {
    for (const lease of this.#table.all()) {
      if (lease.policy.id === policy.id && lease.subject === subject) this.#table.remove(lease);
    }
  }

  /** Stops leasing: waits for the grants in flight, then starts to return all units. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.whenIdle();
    for (const receipt of this.takeAll()) this.returns.start(receipt);
  }

  /** Resolves when no grant is in flight. */
  async whenIdle(): Promise<void> {
    while (this.#grantsInFlight.size > 0) await Promise.all(this.#grantsInFlight);
  }

  /** Removes all leases. Returns their unspent units as receipts, those of one window together. */
  takeAll(): readonly Receipt[] {
    const now = this.clock.now();
    const byWindow = new Map<number, Charge[]>();
    for (const lease of this.#table.all()) {
      this.#table.remove(lease);
      if (!hasUnspentUnits(lease, now)) continue;
      const charges = byWindow.get(lease.startMs) ?? [];
      byWindow.set(lease.startMs, charges);
      charges.push(chargeOf(lease, lease.held));
    }
    return [...byWindow].flatMap(([at, charges]) =>
      Array.from({ length: Math.ceil(charges.length / MAX_CHARGES_RETURNED) }, (_, i) =>
        receiptOf(at, charges.slice(i * MAX_CHARGES_RETURNED, (i + 1) * MAX_CHARGES_RETURNED)),
      ),
    );
  }

  #startGrant(lease: Lease): void {
    const grant = this.#requestGrant(lease).finally(() => this.#grantsInFlight.delete(grant));
    this.#grantsInFlight.add(grant);
  }

  async #requestGrant(lease: Lease): Promise<void> {
    const { policy, subject } = lease;
    const requestedMs = this.clock.now();
    const wanted = unitsToRequest(lease, requestedMs);
    lease.mayRenew = false;
    lease.isGrantPending = true;
    let failure: { readonly error: unknown } | undefined;
    try {
      this.#credit(lease, await this.server.lease({ policy, subject }, wanted), requestedMs);
    } catch (error) {
      failure = { error };
    }
    lease.isGrantPending = false;
    for (const { cost, waiter } of lease.waiters.splice(0)) {
      lease.shortfall -= cost;
      if (failure === undefined) waiter.granted();
      else waiter.fail(failure.error);
    }
  }

  #credit(lease: Lease, grant: Grant, requestedMs: number): void {
    // Discarded by a reset in the meantime. If the units were counted before it, returning them would return them
    // twice.
    if (!this.#table.has(lease)) return;
    if (lease.isFromEarlierWindow(grant)) {
      if (grant.granted > 0) this.returns.start(receiptOf(grant.at, [chargeOf(lease, grant.granted)]));
      return;
    }
    const now = this.clock.now();
    lease.credit(grant, requestedMs, now);
    recordGrant(lease, requestedMs, now);
    this.#table.use(lease);
    this.#table.sweep(now);
  }

  #add(target: Target): Lease {
    if (this.#table.size >= this.maxLeases) this.#evict();
    return this.#table.add(target);
  }

  /** Removes the least recently used lease and returns its units. */
  #evict(): void {
    for (const lease of this.#table.all()) {
      // There are at most as many of these as there are waiting calls.
      if (lease.isGrantPending) continue;
      this.#table.remove(lease);
      if (hasUnspentUnits(lease, this.clock.now())) {
        this.returns.start(receiptOf(lease.startMs, [chargeOf(lease, lease.held)]));
      }
      return;
    }
  }
}

function hasUnspentUnits({ held, endsMs }: Lease, now: number): boolean {
  return held > 0 && now < endsMs;
}

function chargeOf({ policy, subject }: Lease, cost: number): Charge {
  return { policy, subject, cost };
}
