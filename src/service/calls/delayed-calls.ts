import type { Backend } from '../../backends/backend.js';
import { UnitReturns } from '../../backends/unit-returns.js';
import type { Clock } from '../../core/clock.js';
import type { Outcome } from '../../core/decision.js';
import type { Interruption, Responder } from '../../transports/responder.js';
import { settleableParts } from './ends/delayed-receipts.js';

/**
 * Calls that wait for their delay: one timer each, until the client has gone or the application closes. A call that is
 * interrupted returns what it took: callers who have left hold up nobody.
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

  /** True once the application closes. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Resolves with true after the delay. If it is interrupted, rejects the call and resolves with the rejection. */
  async wait<R>(delayMs: number, outcome: Outcome, responder: Responder<R>): Promise<true | R> {
    const startedAtMs = this.clock.now();
    const interruption = await this.#waitUnlessInterrupted(delayMs, responder);
    if (interruption === undefined) return true;
    // Nobody waits for the return, and a failure loses nothing but the units.
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

  /** Interrupts all calls that wait, and those that come later: an application that closes would wait for them. */
  close(): void {
    this.#isClosing = true;
    for (const interrupt of this.#interrupts) interrupt('closing');
  }
}
