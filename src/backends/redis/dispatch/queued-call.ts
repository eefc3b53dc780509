import type { Charge, Outcome } from '../../../core/decision.js';
import type { Emitter } from '../../../core/emitter.js';
import { inDomain } from '../../backend-error.js';
import type { BackendEvent } from '../../backend-events.js';
import type { UnreadableSettings } from '../../overrides/unreadable-settings.js';
import type { DecideMode, OutcomeListener } from '../../remote-store.js';
import type { Deadlined, DeadlineQueue } from '../../resilience/deadline-queue.js';
import type { OverrideTarget } from '../../settings-store.js';
import type { UnitReturns } from '../../unit-returns.js';
import type { ConnectionErrors } from '../clients/connection-errors.js';
import { type CallVerdict, type FinalVerdict, outcomeOf } from '../scripts/call-verdict.js';
import type { BatchedCall } from '../scripts/spend-reply.js';

/** The parts of a store that calls need when they complete. */
export interface CallContext {
  /** Fails calls at their deadlines. */
  readonly deadlines: DeadlineQueue;
  readonly events: Emitter<BackendEvent>;
  /** Knows why there is no connection. */
  readonly connection: ConnectionErrors;
  /** Returns the units that a late reply has taken. */
  readonly returns: UnitReturns;
  /** Reports overrides that the script could not read. */
  readonly unreadable: UnreadableSettings;
}

/** A run of a script that decides calls. */
export interface CallRun {
  /** Set if the run failed. */
  readonly error: unknown;
  /** Completes the next call of the run, unless it is to be sent again. */
  complete(call: QueuedCall): void;
}

/**
 * A call whose keys are on one slot. It completes once: with its verdict, or with an error, such as that of its
 * deadline. A verdict that comes later takes nothing: its units are returned, because the caller has been rejected.
 */
export class QueuedCall implements Deadlined, BatchedCall {
  readonly outcome: Promise<Outcome>;
  /** True until the call is sent. */
  mayRenew = true;
  isCompleted = false;
  /** The run that the call was last sent in. */
  run: CallRun | undefined = undefined;
  /**
   * Set if only the general script can decide the call: the one for its strategy did not support the value under the
   * key.
   */
  isGeneral = false;
  /** The deadline in the server's milliseconds, set when the call is sent. */
  deadlineMs = 0;
  previous: Deadlined | undefined = undefined;
  next: Deadlined | undefined = undefined;
  #isRefused = false;
  #resolve!: (outcome: Outcome) => void;
  #reject!: (error: unknown) => void;

  /**
   * @param dueMs the deadline on the local clock
   * @param domain the master of its slot, for errors; undefined if there is only one
   * @param listener receives the outcome just before the caller does
   */
  constructor(
    readonly charges: readonly Charge[],
    readonly keys: readonly string[],
    readonly mode: DecideMode,
    public dueMs: number,
    private readonly context: CallContext,
    private readonly domain?: string,
    private readonly listener?: OutcomeListener,
  ) {
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    context.deadlines.add(this, dueMs);
  }

  /**
   * Completes the call with the verdict of a script. The first time that the server refuses it as late, it stays
   * incomplete and is to be sent again: the estimate of the server's clock was wrong, and the reply has corrected it.
   */
  complete(verdict: CallVerdict): void {
    if (verdict.kind === 'undecided' || verdict.kind === 'unsupported') {
      this.isGeneral ||= verdict.kind === 'unsupported';
    } else if (this.isCompleted) {
      this.#returnUnits(verdict);
    } else if (verdict.kind === 'late' && !this.#isRefused) {
      this.#isRefused = true;
    } else {
      this.#end();
      if (verdict.kind === 'decided') this.#report(verdict.unreadable);
      try {
        const outcome = outcomeOf(verdict, this.charges, this.context.events);
        this.listener?.learn(this.charges, outcome);
        this.#resolve(outcome);
      } catch (error) {
        this.#reject(error);
      }
    }
  }

  fail(error: unknown): void {
    if (this.isCompleted) return;
    this.#end();
    this.#reject(inDomain(this.context.connection.explain(error, this.domain), this.domain));
  }

  #end(): void {
    this.isCompleted = true;
    this.context.deadlines.remove(this);
  }

  #report(unreadable: readonly OverrideTarget[] | undefined): void {
    if (unreadable === undefined) return;
    for (const { policy, subject } of unreadable) this.context.unreadable.report({ what: 'override', policy, subject });
  }

  #returnUnits(verdict: FinalVerdict): void {
    if (verdict.kind === 'decided' && verdict.outcome.receipt !== undefined) {
      void this.context.returns.start(verdict.outcome.receipt);
    }
  }
}
