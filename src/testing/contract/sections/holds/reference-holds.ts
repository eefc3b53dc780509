import type { Policy } from '../../../../core/policy.js';

interface Held {
  readonly id: number;
  readonly units: number;
  readonly expiresAt: number;
}

interface Settled {
  readonly at: number;
  readonly units: number;
  /** Units above the estimate of the hold. */
  readonly above: number;
}

const MAX_HOLDERS = 1000;

/**
 * The rules of `HoldStore` for one budget, computed from an array of all settlements: without counters and strategies.
 * It is a fixed window or, without a period, a concurrency limit.
 */
export class ReferenceHolds {
  #open: readonly Held[] = [];
  readonly #settled: Settled[] = [];

  constructor(private readonly policy: Policy) {}

  get held(): number {
    return this.#open.reduce((sum, { units }) => sum + units, 0);
  }

  isOpen(id: number): boolean {
    return this.#open.some((hold) => hold.id === id);
  }

  unitsOf(id: number): number {
    return this.#open.find((hold) => hold.id === id)?.units ?? 0;
  }

  /** Lets holds expire, up to this instant. */
  expire(now: number): void {
    const { onExpiry } = this.policy.held ?? {};
    for (const { units, expiresAt } of this.#open) {
      if (expiresAt <= now && onExpiry === 'charge') this.#settled.push({ at: expiresAt, units, above: 0 });
    }
    this.#open = this.#open.filter(({ expiresAt }) => expiresAt > now);
  }

  /** Returns the units that may be held: those left in the window, minus those that are held. */
  room(now: number): number {
    const { limit, periodMs } = this.policy;
    const used = periodMs === 0 ? 0 : this.#usedIn(Math.floor(now / periodMs));
    return Math.max(0, Math.max(0, limit - used) - this.held);
  }

  hasRoom(units: number, now: number): boolean {
    return units <= this.room(now) && this.#open.length < MAX_HOLDERS;
  }

  /** Returns the time until all holds have expired, and the window that is charged for the last of them is over. */
  resetMs(now: number): number {
    const { periodMs, held } = this.policy;
    const endOf = (at: number) => (Math.floor(at / periodMs) + 1) * periodMs;
    const last = Math.max(...this.#open.map(({ expiresAt }) => expiresAt));
    const isUsed = periodMs > 0 && this.#usedIn(Math.floor(now / periodMs)) > 0;
    const freeAt = this.#open.length === 0 ? now : held?.onExpiry === 'charge' ? endOf(last) : last;
    return Math.max(freeAt, isUsed ? endOf(now) : now) - now;
  }

  add(hold: Held): void {
    this.#open = [...this.#open, hold];
  }

  extend(id: number, expiresAt: number): void {
    const later = (hold: Held) => ({ ...hold, expiresAt: Math.max(hold.expiresAt, expiresAt) });
    this.#open = this.#open.map((hold) => (hold.id === id ? later(hold) : hold));
  }

  grow(id: number, units: number): void {
    this.#open = this.#open.map((hold) => (hold.id === id ? { ...hold, units: Math.max(units, hold.units) } : hold));
  }

  end(id: number, units: number, now: number): void {
    this.#settled.push({ at: now, units, above: Math.max(0, units - this.unitsOf(id)) });
    this.#open = this.#open.filter((hold) => hold.id !== id);
  }

  /** Returns true if a hold would be taken at a future instant, if there is no other traffic until then. */
  wouldFit(units: number, at: number): boolean {
    const later = new ReferenceHolds(this.policy);
    later.#open = this.#open;
    later.#settled.push(...this.#settled);
    later.expire(at);
    return later.hasRoom(units, at);
  }

  /**
   * Returns the largest amount by which the units settled in a window exceed the bound of `HoldStore`; must be at most
   * 0.
   */
  excess(): number {
    const { limit, periodMs } = this.policy;
    if (periodMs === 0) return this.held - limit;
    const windows = new Set(this.#settled.map(({ at }) => Math.floor(at / periodMs)));
    return Math.max(
      this.held - limit,
      ...[...windows].map((window) => {
        const inWindow = this.#settled.filter(({ at }) => Math.floor(at / periodMs) === window);
        return inWindow.reduce((sum, { units, above }) => sum + units - above, 0) - limit;
      }),
    );
  }

  #usedIn(window: number): number {
    const { limit, periodMs, held } = this.policy;
    const settledIn = (one: number) =>
      this.#settled.filter(({ at }) => Math.floor(at / periodMs) === one).reduce((sum, { units }) => sum + units, 0);
    if (held?.carryDebt !== true) return settledIn(window);
    const windows = [...new Set(this.#settled.map(({ at }) => Math.floor(at / periodMs)))].sort((a, b) => a - b);
    let used = 0;
    const [first = window] = windows;
    for (let one = first; one <= window; one++) used = settledIn(one) + Math.min(limit, Math.max(0, used - limit));
    return used;
  }
}
