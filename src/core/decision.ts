import type { FailureMode, Policy } from './policy.js';

/** A policy applied to a subject at a cost: what is asked of a backend. */
export interface Charge {
  readonly policy: Policy;
  /** Who is charged. */
  readonly subject: string;
  /** Units, a safe integer of at least 0; 0 reads. */
  readonly cost: number;
}

/** The answer to one charge. Headers, bodies, messages and events all derive from it. */
export interface Decision {
  /** The policy's name. */
  readonly policy: string;
  readonly allowed: boolean;
  /** Units that a full limit grants at once. */
  readonly limit: number;
  /** Whole units: exactly the largest cost that would pass now. */
  readonly remaining: number;
  /** Milliseconds until the limit is full again with no further traffic; 0 when it is. */
  readonly resetMs: number;
  /** 0 when allowed; else the same cost is denied one millisecond before it and allowed at it; `null`: never. */
  readonly retryAfterMs: number | null;
  /** Milliseconds for which the caller must hold the call (`leaky-bucket` only). */
  readonly delayMs: number;
  /** Milliseconds in which `limit` is granted. */
  readonly windowMs: number;
  /** Set where units are leased: `remaining` is what this process knew last, and others may have taken of it since. */
  readonly approximate?: true;
}

/** What was taken, and when: enough to give it back. */
export interface Receipt {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly charges: readonly Charge[];
  /** Where charges were taken at instants of their own, by several servers: one a charge. */
  readonly instants?: readonly number[];
  /** Set where the fallback in this process took it. */
  readonly degraded?: 'local';
}

/** The answer to a call: all of its charges or none. */
export interface Outcome {
  readonly allowed: boolean;
  /** One a charge, in order. */
  readonly decisions: readonly Decision[];
  /** The decision that speaks for the call; `null` when nothing limits it. */
  readonly binding: Decision | null;
  /** Only where something was taken. */
  readonly receipt?: Receipt;
  /** Set when the failure policy answered instead of the backend. */
  readonly degraded?: FailureMode;
}

/** The outcome of a call that nothing limits: exempt, skipped, unlimited, or of cost 0. */
export const NOTHING_TO_CHARGE: Outcome = Object.freeze({
  allowed: true,
  decisions: Object.freeze([]),
  binding: null,
});

/**
 * Of the denials the one with the longest wait (`null` is longest), else the decision with the least share remaining;
 * of equals the first.
 */
export function bindingOf(decisions: readonly Decision[]): Decision | null {
  let binding: Decision | null = null;
  for (const decision of decisions) {
    if (binding === null || isStricter(decision, binding)) binding = decision;
  }
  return binding;
}

function isStricter(a: Decision, b: Decision): boolean {
  if (a.allowed !== b.allowed) return b.allowed;
  if (a.allowed) return a.remaining / a.limit < b.remaining / b.limit;
  return (a.retryAfterMs ?? Number.POSITIVE_INFINITY) > (b.retryAfterMs ?? Number.POSITIVE_INFINITY);
}

/** Whether `cost` is a safe integer of at least 0. */
export function isCost(cost: unknown): cost is number {
  return Number.isSafeInteger(cost) && Number(cost) >= 0;
}

/** Throws a RangeError unless `cost` is a safe integer of at least 0: a wrong cost must never pass for free. */
export function assertCost(cost: unknown, place: string): asserts cost is number {
  if (isCost(cost)) return;
  const found = typeof cost === 'string' ? `"${cost}" (string)` : String(cost);
  throw new RangeError(`${place}: expected a cost that is a safe integer of at least 0, got ${found}`);
}
