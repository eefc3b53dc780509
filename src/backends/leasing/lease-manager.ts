import type { Charge, Receipt } from '../../core/decision.js';
import type { Policy } from '../../core/policy.js';
import type { Grant } from '../backend.js';
import { isToRenew, noteGrant, wantedOf } from './lease-renewal.js';
import { type Lease, LeaseTable, PAST_MS, type Waiter } from './lease-table.js';

/** What leases need of the world: a clock, and a way to the server. */
export interface LeaseSource {
  /** Whole milliseconds of this process's own monotonic clock. */
  now(): number;
  /** Takes units at the server. Rejects where no answer comes in time: what comes later is given back (`inTimeOrVoid`). */
  grant(policy: Policy, subject: string, wanted: number): Promise<Grant>;
  /** Gives back what nobody spends, as well as it can. */
  giveBack(receipt: Receipt): void;
}

const MAX_KEYS = 10_000;
const DRY_MS = 1000;
/** A clock runs within 0.1 % of the server's. */
const RATE_MARGIN = 0.999;
/** Charges of a receipt, at most, of what is given back at the end. */
const DRAINED = 100;

/**
 * Units taken in batches and spent here. Pure: no timers, no I/O.
 *
 * **Bound: in each window of the server's clock no more than the limit is spent, by any number of processes, whatever
 * latency, lost and late replies, crashes, and offsets of clocks, while their rates are within 0.1 % of the server's.**
 * Units are spent once, by one process, after the server has counted them, and before the window that it counted them in
 * has ended: the time that the window had left is counted from before the request was sent. A server's clock that is set
 * forward ends windows sooner than that.
 *
 * Source: Gray and Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache Consistency", SOSP
 * 1989, "Fault-tolerance" (clocks that drift).
 */
export class LeaseManager {
  readonly #shelf = new LeaseTable();
  readonly #asking = new Set<Promise<void>>();

  /** @param maxKeys budgets and subjects that units are held of at most; the longest unused gives its units back */
  constructor(
    private readonly source: LeaseSource,
    private readonly maxKeys = MAX_KEYS,
  ) {}

  /** What is held, be it of use or not. */
  find(policy: Policy, subject: string): Lease | undefined {
    return this.#shelf.find(policy, subject);
  }

  /**
   * Spends, in one synchronous step.
   *
   * @returns the lease, where it did; `'denied'` where it is known that the server has none; `'unknown'` where it is to be asked
   */
  take(policy: Policy, subject: string, cost: number, now: number): Lease | 'denied' | 'unknown' {
    const lease = this.#shelf.find(policy, subject);
    const verdict = coverageOf(policy, lease, cost, now);
    if (verdict !== 'held' || lease === undefined) return verdict === 'denied' ? 'denied' : 'unknown';
    lease.held -= cost;
    this.#shelf.use(lease);
    if (isToRenew(lease, now)) this.#start(lease);
    return lease;
  }

  /** Has the server asked for what `cost` lacks, or waits for the grant that is under way: then whoever is woken looks again. */
  request(policy: Policy, subject: string, cost: number, wake: Waiter['wake']): void {
    const lease = this.#shelf.find(policy, subject) ?? this.#add(policy, subject);
    lease.waiters.push({ cost, wake });
    lease.shortfall += cost;
    if (!lease.isAsking) this.#start(lease);
  }

  /**
   * Puts back units that were spent of a grant of the server's instant `at`; a count of before a reset is owed nothing.
   *
   * @returns whether that is all: false where the server is to be told
   */
  putBack(policy: Policy, subject: string, at: number, units: number): boolean {
    const lease = this.#shelf.find(policy, subject);
    if (lease === undefined) return false;
    const startMs = startOf(at, policy);
    if (startMs === lease.startMs) lease.held = Math.min(lease.granted, lease.held + units);
    // A window that is over is owed nothing.
    return startMs <= lease.startMs;
  }

  /** Drops what is held, and what is under way: it was taken of a count that is no more. */
  discard(id: string, subject: string): void {
    for (const lease of this.#shelf.all()) {
      if (lease.policy.id === id && lease.subject === subject) this.#shelf.remove(lease);
    }
  }

  /** Resolves when no grant is under way. */
  async whenIdle(): Promise<void> {
    while (this.#asking.size > 0) await Promise.all(this.#asking);
  }

  /** What is to be given back at the end, by windows. Nothing is held any more. */
  takeAll(): readonly Receipt[] {
    const now = this.source.now();
    const byWindow = new Map<number, Charge[]>();
    for (const lease of this.#shelf.all()) {
      const { policy, subject, held, startMs, endsMs } = lease;
      this.#shelf.remove(lease);
      if (held === 0 || now >= endsMs) continue;
      const charges = byWindow.get(startMs) ?? [];
      byWindow.set(startMs, charges);
      charges.push({ policy, subject, cost: held });
    }
    return [...byWindow].flatMap(([at, charges]) =>
      Array.from({ length: Math.ceil(charges.length / DRAINED) }, (_, i) => ({
        at,
        charges: charges.slice(i * DRAINED, (i + 1) * DRAINED),
      })),
    );
  }

  #start(lease: Lease): void {
    const asking = this.#grant(lease).finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  async #grant(lease: Lease): Promise<void> {
    const { policy, subject } = lease;
    const askedMs = this.source.now();
    const wanted = wantedOf(lease, askedMs);
    lease.mayRenew = false;
    let failure: { readonly error: unknown } | undefined;
    lease.isAsking = true;
    try {
      this.#credit(lease, await this.source.grant(policy, subject, wanted), askedMs);
    } catch (error) {
      failure = { error };
    }
    lease.isAsking = false;
    // In the order in which they came: whoever still lacks something asks for those behind, too.
    for (const { cost, wake } of lease.waiters.splice(0)) {
      lease.shortfall -= cost;
      wake(failure);
    }
  }

  #credit(lease: Lease, { granted, remaining, at, endsInMs }: Grant, askedMs: number): void {
    const { policy, subject } = lease;
    const startMs = startOf(at, policy);
    const now = this.source.now();
    // Forgotten meanwhile: whether it was counted before or after is not known, and giving it back might be once too often.
    if (!this.#shelf.has(lease)) return;
    if (startMs < lease.startMs) {
      if (granted > 0) this.source.giveBack({ at, charges: [{ policy, subject, cost: granted }] });
      return;
    }
    // Of another window it replaces. Of the same one it adds, and shows that the window lasts.
    const isSteady = startMs === lease.startMs;
    lease.held = granted + (isSteady ? lease.held : 0);
    lease.granted = granted + (isSteady ? lease.granted : 0);
    lease.startMs = startMs;
    lease.at = at;
    lease.remainingAtServer = remaining;
    // The server's instant is rounded down: its window may have a millisecond less.
    lease.validUntilMs = askedMs + Math.floor((endsInMs - 1) * RATE_MARGIN);
    lease.endsMs = now + endsInMs;
    lease.emptyUntilMs = remaining === 0 ? Math.min(lease.validUntilMs, now + DRY_MS) : PAST_MS;
    noteGrant(lease, isSteady, askedMs, now);
    this.#shelf.use(lease);
    this.#shelf.sweep(now);
  }

  #add(policy: Policy, subject: string): Lease {
    if (this.#shelf.size >= this.maxKeys) this.#makeRoom();
    return this.#shelf.add(policy, subject);
  }

  #makeRoom(): void {
    for (const lease of this.#shelf.all()) {
      // Those on their way are as many as there are calls that wait.
      if (lease.isAsking) continue;
      const { policy, subject, startMs, endsMs, held } = lease;
      this.#shelf.remove(lease);
      if (held > 0 && this.source.now() < endsMs)
        this.source.giveBack({ at: startMs, charges: [{ policy, subject, cost: held }] });
      return;
    }
  }
}

/** How a cost stands to what is held: covered by it, known to be denied, or not known. */
export function coverageOf(policy: Policy, lease: Lease | undefined, cost: number, now: number) {
  if (cost > policy.limit) return 'denied';
  if (lease === undefined) return 'unknown';
  if (now < lease.validUntilMs && cost <= lease.held) return 'held';
  return now < lease.emptyUntilMs ? 'denied' : 'unknown';
}

/** The start of the window that an instant is in: a receipt's instant may be any of them. */
function startOf(at: number, { periodMs }: Policy): number {
  return Math.floor(at / periodMs) * periodMs;
}
