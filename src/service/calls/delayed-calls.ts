import type { Clock } from '../../core/clock.js';
import type { Interruption, Responder } from '../../transports/responder.js';

/** Calls that wait for their delay: one timer each, until the client has gone or the application closes. */
export class DelayedCalls {
  readonly #interrupts = new Set<(cause: Interruption) => void>();
  #isClosing = false;

  constructor(private readonly clock: Clock) {}

  /** True once the application closes. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Resolves with true after the delay. If it is interrupted, rejects the call and resolves with the rejection. */
  async wait<R>(delayMs: number, responder: Responder<R>): Promise<true | R> {
    if (this.#isClosing) return responder.rejectInterrupted('closing');
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
      return responder.rejectInterrupted(interruption);
    } finally {
      this.#interrupts.delete(interrupt);
      removeListener();
    }
    return true;
  }

  /** Interrupts all calls that wait, and those that come later: an application that closes would wait for them. */
  close(): void {
    this.#isClosing = true;
    for (const interrupt of this.#interrupts) interrupt('closing');
  }
}
