/** One step of a conformance trace: a cost at an instant, and the exact answer. */
export interface TraceStep {
  readonly at: number;
  readonly cost: number;
  readonly expect: {
    readonly allowed: boolean;
    readonly remaining: number;
    readonly resetMs: number;
    readonly retryAfterMs: number | null;
    readonly delayMs: number;
  };
}

/** One policy and one key, from empty state. Instants may step back. */
export interface Trace {
  readonly id: string;
  readonly title: string;
  readonly policy: {
    readonly strategy: string;
    readonly limit: number;
    readonly periodMs: number;
    readonly burst?: number;
    readonly segments?: number;
  };
  readonly steps: readonly TraceStep[];
}
