import type { Policy } from '../../core/policy.js';

/** The units of one budget and subject that this process may spend by itself. */
export interface Lease {
  readonly policy: Policy;
  readonly subject: string;
  /** The latest grant's instant, and the start of its window, in the server's milliseconds; -1 before there was one. */
  at: number;
  startMs: number;
  /** Units to spend, and units that the server had left. */
  held: number;
  remainingAtServer: number;
  /** Units that the grants of its window came to: no more are ever held. */
  granted: number;
  /** Local instants: until when the credits count, when the window ends as told, until when the server is known to be dry. */
  validUntilMs: number;
  endsMs: number;
  emptyUntilMs: number;
  /** When the latest grant came, how long it took (at least 1), and what there was to spend then. */
  grantedMs: number;
  roundTripMs: number;
  heldAtGrant: number;
  /** Whether it came after another one of its window; whether it may be renewed before it is used up. */
  followsGrant: boolean;
  mayRenew: boolean;
  /** Who waits for a grant, and what they lack together. */
  readonly waiters: Waiter[];
  shortfall: number;
  isAsking: boolean;
}

/** Told when a grant is there, or why there is none. */
export interface Waiter {
  readonly cost: number;
  readonly wake: (failure?: { readonly error: unknown }) => void;
}

/** Over: a process's clock may begin anywhere, and below zero. */
export const PAST_MS = Number.NEGATIVE_INFINITY;
/** Leases looked at for expired ones, each time. */
const SWEPT = 2;

/** Leases by budget and subject, of which the longest unused can be found. */
export class LeaseTable {
  /** A policy that counts otherwise, or up to another limit, has leases of its own. */
  readonly #shelves = new Map<string, Map<string, Lease>>();
  readonly #byPolicy = new WeakMap<Policy, Map<string, Lease>>();
  /** From the longest unused to the last used. */
  readonly #all = new Set<Lease>();
  #latest: Lease | undefined;
  #walk: Iterator<Lease> = this.#all.values();

  get size(): number {
    return this.#all.size;
  }

  find(policy: Policy, subject: string): Lease | undefined {
    return this.#shelf(policy)?.get(subject);
  }

  has(lease: Lease): boolean {
    return this.#all.has(lease);
  }

  add(policy: Policy, subject: string): Lease {
    const units = { at: -1, startMs: -1, held: 0, remainingAtServer: 0, granted: 0 };
    const instants = { validUntilMs: PAST_MS, endsMs: PAST_MS, emptyUntilMs: PAST_MS };
    const latest = { grantedMs: PAST_MS, roundTripMs: 1, heldAtGrant: 0, followsGrant: false, mayRenew: false };
    const lease: Lease = {
      policy,
      subject,
      ...units,
      ...instants,
      ...latest,
      waiters: [],
      shortfall: 0,
      isAsking: false,
    };
    const shelf = this.#shelf(policy) ?? new Map<string, Lease>();
    this.#shelves.set(nameOf(policy), shelf);
    this.#byPolicy.set(policy, shelf);
    shelf.set(subject, lease);
    this.use(lease);
    return lease;
  }

  /** It is the last used. */
  use(lease: Lease): void {
    if (lease === this.#latest) return;
    this.#latest = lease;
    this.#all.delete(lease);
    this.#all.add(lease);
  }

  remove(lease: Lease): void {
    const shelf = this.#shelf(lease.policy);
    shelf?.delete(lease.subject);
    if (shelf?.size === 0) this.#shelves.delete(nameOf(lease.policy));
    this.#all.delete(lease);
    if (lease === this.#latest) this.#latest = undefined;
  }

  /** Those that there are, the longest unused first. */
  all(): IterableIterator<Lease> {
    return this.#all.values();
  }

  /** Drops some of those whose windows are over: their credits are worth nothing any more. */
  sweep(now: number): void {
    for (let i = 0; i < SWEPT; i++) {
      const { value, done } = this.#walk.next();
      if (done) this.#walk = this.#all.values();
      else if (!value.isAsking && now >= value.endsMs) this.remove(value);
    }
  }

  #shelf(policy: Policy): Map<string, Lease> | undefined {
    const known = this.#byPolicy.get(policy);
    if (known !== undefined) return known;
    const shelf = this.#shelves.get(nameOf(policy));
    if (shelf !== undefined) this.#byPolicy.set(policy, shelf);
    return shelf;
  }
}

function nameOf({ limit, periodMs, id }: Policy): string {
  return `${limit}/${periodMs} ${id}`;
}
