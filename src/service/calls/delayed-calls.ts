import type { Backend } from '../../backends/backend.js';
import { UnitReturns } from '../../backends/unit-returns.js';
import type { Clock } from '../../core/clock.js';
import type { Outcome } from '../../core/decision.js';
import type { Interruption, Responder } from '../../transports/responder.js';
import { settleableParts } from './ends/delayed-receipts.js';

/**
 * Delays calls, with one timer each, until the client has gone or the application closes. An interrupted call returns
 * the units that it took, so that clients that have left do not delay others.
 */
export class DelayedCalls {
  readonly #returns: UnitReturns;
  readonly #interrupts = new Set<(cause: Interruption) => void>();
  #isClosing = false;

  constructor(
    private readonly clock: Clock,
    backend: Pick<Backend, 'settle'>,
  ) {
    this.#returns = new UnitReturns(backend);
  }

  /** True while the application closes. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Resolves with true after the delay. If it is interrupted, rejects the call and resolves with the rejection. */
  async wait<R>(delayMs: number, outcome: Outcome, responder: Responder<R>): Promise<true | R> {
    const startedAtMs = this.clock.now();
    const interruption = await this.#waitUnlessInterrupted(delayMs, responder);
    if (interruption === undefined) return true;
    // Not awaited: if returning the units fails, only these units are lost.
    for (const { receipt } of settleableParts(outcome, this.clock.now() - startedAtMs)) this.#returns.start(receipt);
    return responder.rejectInterrupted(interruption);
  }

  async #waitUnlessInterrupted(delayMs: number, responder: Responder<unknown>): Promise<Interruption | undefined> {
    if (this.#isClosing) return 'closing';
    const abort = new AbortController();
    let interruption: Interruption | undefined;
    const interrupt = (cause: Interruption) => {
      interruption ??= cause;
      abort.abort();
    };
    this.#interrupts.add(interrupt);
    const removeListener = responder.onClientGone(() => interrupt('client-gone'));
    try {
      await this.clock.wait(delayMs, abort.signal);
    } catch (error) {
      if (interruption === undefined) throw error;
      return interruption;
    } finally {
      this.#interrupts.delete(interrupt);
      removeListener();
    }
    return undefined;
  }

  /** Interrupts all delayed calls, now and later, so that a closing application does not wait for them. */
  close(): void {
    this.#isClosing = true;
    for (const interrupt of this.#interrupts) interrupt('closing');
  }
}
