import type { Target } from '../../../core/decision.js';
import { mapKey } from '../../../core/key.js';

/** The maximum number of budgets that are remembered one by one. */
const MAX_BUDGETS = 10_000;

/**
 * The budgets from which this process admitted units that the backend does not know of, until none of these counts any
 * more. If there are too many to remember, all budgets count as such.
 */
export class OwedBudgets {
  /** The instants until which they are owed. */
  readonly #until = new Map<string, number>();
  #allUntilMs = Number.NEGATIVE_INFINITY;
  /** The instant until which any is owed, at the latest. */
  #lastMs = Number.NEGATIVE_INFINITY;

  /** @param max budgets that are remembered one by one */
  constructor(private readonly max = MAX_BUDGETS) {}

  /** True if no budget is owed. */
  get isEmpty(): boolean {
    return this.#lastMs === Number.NEGATIVE_INFINITY;
  }

  /** Notes that a budget is owed until an instant. */
  add(target: Target, untilMs: number, now: number): void {
    const key = keyOf(target);
    this.#lastMs = Math.max(untilMs, this.#lastMs);
    this.#until.set(key, Math.max(untilMs, this.#until.get(key) ?? untilMs));
    if (this.#until.size <= this.max) return;
    for (const [one, endMs] of this.#until) {
      if (endMs > now) this.#allUntilMs = Math.max(this.#allUntilMs, endMs);
      this.#until.delete(one);
      if (this.#until.size <= this.max / 2) break;
    }
  }

  has(target: Target, now: number): boolean {
    if (now >= this.#lastMs) {
      this.#clear();
      return false;
    }
    if (now < this.#allUntilMs) return true;
    const key = keyOf(target);
    const untilMs = this.#until.get(key);
    if (untilMs === undefined) return false;
    if (now < untilMs) return true;
    this.#until.delete(key);
    return false;
  }

  delete(target: Target): void {
    this.#until.delete(keyOf(target));
  }

  #clear(): void {
    if (this.isEmpty) return;
    this.#until.clear();
    this.#allUntilMs = Number.NEGATIVE_INFINITY;
    this.#lastMs = Number.NEGATIVE_INFINITY;
  }
}

function keyOf({ policy, subject }: Target): string {
  return mapKey(`${policy.id} ${subject}`);
}
