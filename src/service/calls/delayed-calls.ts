import type { Backend } from '../../backends/backend.js';
import { UnitReturns } from '../../backends/unit-returns.js';
import type { Clock } from '../../core/clock.js';
import type { Outcome, Receipt } from '../../core/decision.js';
import { receiptOf } from '../../core/receipt.js';
import type { Interruption, Responder } from '../../transports/responder.js';

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
    for (const receipt of receiptsOf(outcome, this.clock.now() - startedAtMs)) this.#returns.start(receipt);
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

/**
 * Returns what a call took before its delay, as receipts to be settled to 0. The units that it was delayed for drain after
 * those before them, so after `waitedMs` all of them are still in their bucket: they are as good as taken now. Every other
 * charge is returned as of its own instant.
 */
function receiptsOf({ receipt, decisions }: Outcome, waitedMs: number): readonly Receipt[] {
  if (receipt === undefined) return [];
  const select = (isDelayed: boolean, laterByMs: number): Receipt => {
    const indexes = receipt.charges.flatMap((_, i) => (Number(decisions[i]?.delayMs) > 0 === isDelayed ? [i] : []));
    const { at, instants, degraded } = receipt;
    return receiptOf(
      at + laterByMs,
      indexes.flatMap((i) => receipt.charges[i] ?? []),
      {
        ...(degraded && { degraded }),
        ...(instants && { instants: indexes.map((i) => (instants[i] ?? at) + laterByMs) }),
      },
    );
  };
  return [select(true, waitedMs), select(false, 0)];
}
