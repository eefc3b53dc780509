import type { Charge, Outcome } from '../../../core/decision.js';
import type { Deadlined } from '../../resilience/deadline-queue.js';

/** A call on its way: what it asks, until when, and who waits for the answer. */
export class QueuedCall implements Deadlined {
  isSettled = false;
  isSecondTry = false;
  previous: Deadlined | undefined = undefined;
  next: Deadlined | undefined = undefined;

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
