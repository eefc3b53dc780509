import type { Policy } from '../../../core/policy.js';
import { definePolicy } from '../../../strategies/define-policy.js';

/** One step of a conformance trace: a cost at an instant, and the exact decision. */
export interface TraceStep {
  readonly at: number;
  readonly cost: number;
  readonly mode?: 'record';
  readonly expect: {
    readonly allowed: boolean;
    readonly remaining: number;
    readonly resetMs: number;
    readonly retryAfterMs: number | null;
    readonly delayMs: number;
  };
}

/** Settles the charge of an earlier step at another cost, at an instant. */
export interface SettleStep {
  readonly at: number;
  /** The index of the step. */
  readonly settle: number;
  readonly to: number;
}

/** A sequence of steps on one policy and one key, from empty state. Instants may step back. */
export interface Trace<Step = TraceStep> {
  readonly id: string;
  readonly title: string;
  readonly policy: {
    readonly strategy: string;
    readonly limit: number;
    readonly periodMs: number;
    readonly burst?: number;
    readonly segments?: number;
  };
  readonly steps: readonly Step[];
}

/** A trace of charges that are recorded, or settled upward. */
export type DebtTrace = Trace<TraceStep | SettleStep>;

/** Returns the policy of a trace. */
export function policyOf({ id, policy: { strategy, limit, periodMs, burst, segments } }: Trace<unknown>): Policy {
  return definePolicy(id, {
    rate: `${limit}/${periodMs}ms`,
    strategy,
    ...(burst === undefined ? {} : { burst }),
    ...(segments === undefined ? {} : { segments }),
  });
}
