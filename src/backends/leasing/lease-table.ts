import type { Policy } from '../../core/policy.js';
import type { Target } from '../backend.js';
import { Lease } from './lease.js';

/** Leases checked for their end in each sweep. */
const SWEPT = 2;

/** Leases by budget and subject, and in order of use. */
export class LeaseTable {
  /** By limit and id: a policy with another limit has leases of its own. */
  readonly #byBudget = new Map<string, Map<string, Lease>>();
  /** The same maps by policy object, so that a look-up builds no string. */
  readonly #byPolicy = new WeakMap<Policy, Map<string, Lease>>();
  /** Least recently used first. */
  readonly #all = new Set<Lease>();
  #lastUsed: Lease | undefined;
  #sweepPosition: Iterator<Lease> = this.#all.values();

  get size(): number {
    return this.#all.size;
  }

  find({ policy, subject }: Target): Lease | undefined {
    // Leases are for subjects with many calls in a row: two look-ups are a tenth of such a call.
    const last = this.#lastUsed;
    if (last !== undefined && last.policy === policy && last.subject === subject) return last;
    return this.#leasesOf(policy)?.get(subject);
  }

  has(lease: Lease): boolean {
    return this.#all.has(lease);
  }

  add({ policy, subject }: Target): Lease {
    const lease = new Lease(policy, subject);
    const leases = this.#leasesOf(policy) ?? new Map<string, Lease>();
    this.#byBudget.set(budgetOf(policy), leases);
    this.#byPolicy.set(policy, leases);
    leases.set(subject, lease);
    this.use(lease);
    return lease;
  }

  /** Makes a lease the most recently used one. */
  use(lease: Lease): void {
    if (lease === this.#lastUsed) return;
    this.#lastUsed = lease;
    this.#all.delete(lease);
    this.#all.add(lease);
  }

  remove(lease: Lease): void {
    const leases = this.#leasesOf(lease.policy);
    leases?.delete(lease.subject);
    if (leases?.size === 0) this.#byBudget.delete(budgetOf(lease.policy));
    this.#all.delete(lease);
    if (lease === this.#lastUsed) this.#lastUsed = undefined;
  }

  /** All leases, least recently used first. */
  all(): IterableIterator<Lease> {
    return this.#all.values();
  }

  /** Continues a walk over all leases by a few of them, and drops those whose window is over. */
  sweep(now: number): void {
    for (let i = 0; i < SWEPT; i++) {
      const { value: lease, done } = this.#sweepPosition.next();
      if (done) this.#sweepPosition = this.#all.values();
      else if (!lease.isGrantPending && now >= lease.endsMs) this.remove(lease);
    }
  }

  #leasesOf(policy: Policy): Map<string, Lease> | undefined {
    const known = this.#byPolicy.get(policy);
    if (known !== undefined) return known;
    const leases = this.#byBudget.get(budgetOf(policy));
    if (leases !== undefined) this.#byPolicy.set(policy, leases);
    return leases;
  }
}

function budgetOf({ limit, id }: Policy): string {
  return `${limit} ${id}`;
}
