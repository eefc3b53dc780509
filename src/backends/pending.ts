import type { Charge, Outcome } from '../core/decision.js';
import type { Waiting } from './deadlines.js';

/** A call on its way: what it asks, until when, and who waits for the answer. */
export class Pending implements Waiting {
  isSettled = false;
  isSecondTry = false;
  previous: Waiting | undefined = undefined;
  next: Waiting | undefined = undefined;

  constructor(
    readonly charges: readonly Charge[],
    readonly keys: readonly string[],
    readonly takes: boolean,
    /** Monotonic, local. */
    readonly dueMs: number,
    private readonly resolve: (outcome: Outcome) => void,
    private readonly reject: (error: unknown) => void,
  ) {}

  answer(outcome: Outcome): void {
    this.isSettled = true;
    this.resolve(outcome);
  }

  fail(error: unknown): void {
    this.isSettled = true;
    this.reject(error);
  }
}
