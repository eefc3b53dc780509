import type { Decision } from '../../../../../src/core/decision.js';
import type { Policy } from '../../../../../src/core/policy.js';

/**
 * The reply of lua/scripts/spend.lua as its header describes it, written independently of the TypeScript that reads it: per
 * policy the limit and window of its first decision, then call by call.
 */
export class Reply {
  readonly #told = new Map<Policy, readonly [limit: number, windowMs: number] | undefined>();
  /** The part of the reply about the calls. */
  readonly calls: number[] = [];

  /** A policy that is asked for, whether it comes to a decision or not. */
  ask(policy: Policy): void {
    if (!this.#told.has(policy)) this.#told.set(policy, undefined);
  }

  late(): void {
    this.calls.push(4);
  }

  /** @param strikes the strikes of a subject that is blocked */
  charge(policy: Policy, decision: Decision, strikes = 0): void {
    if (decision.reason === 'blocked') this.calls.push(12, decision.startedBlock?.forMs ?? 0, strikes);
    const { limit, remaining, resetMs, delayMs, windowMs } = decision;
    const allowed = decision.allowed ? 1 : 0;
    const wait = decision.retryAfterMs ?? -1;
    const told = this.#told.get(policy) ?? [limit, windowMs];
    this.#told.set(policy, told);
    const isPlain = told[0] === limit && told[1] === windowMs && delayMs === 0;
    if (!isPlain) this.calls.push(3, allowed, limit, remaining, resetMs, wait, delayMs, windowMs);
    else if (allowed === 1) this.calls.push(1, remaining, resetMs);
    else this.calls.push(2, remaining, resetMs, wait);
  }

  /** All of it: first the limit and the window of each policy, which spend-one.lua leaves out. */
  get values(): readonly number[] {
    return [...[...this.#told.values()].flatMap((told) => told ?? [0, 0]), ...this.calls];
  }
}
