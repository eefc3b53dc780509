import { HttpException, HttpStatus } from '@nestjs/common';
import type { Clock } from '../../core/clock.js';
import type { AnsweredCall } from '../../transports/responder.js';

/** What nginx writes down for a client that left: it gets no answer. */
const CLIENT_CLOSED_REQUEST = 499;

/** A call that was held, and is not any more: its client has gone, or the application closes. */
export class DelayInterruptedException extends HttpException {}

/** The calls that wait for their turn: one timer each, until the client leaves or the application closes. */
export class DelayedCalls {
  readonly #held = new Set<AbortController>();
  #isClosing = false;

  constructor(private readonly clock: Clock) {}

  /** @throws ReleasedException where the call ends before its time */
  async hold(delayMs: number, call: AnsweredCall): Promise<true> {
    if (this.#isClosing) throw closing();
    const gone = new AbortController();
    this.#held.add(gone);
    const left = () => gone.abort(new DelayInterruptedException('Client Closed Request', CLIENT_CLOSED_REQUEST));
    const release = call.onLeave(left);
    try {
      await this.clock.wait(delayMs, gone.signal);
    } finally {
      this.#held.delete(gone);
      release();
    }
    return true;
  }

  /** Turns away those that are held, and holds no more: an application that closes would wait for them. */
  close(): void {
    this.#isClosing = true;
    for (const held of this.#held) held.abort(closing());
  }
}

function closing(): DelayInterruptedException {
  return new DelayInterruptedException(
    HttpException.createBody('The application is closing.', 'Service Unavailable', HttpStatus.SERVICE_UNAVAILABLE),
    HttpStatus.SERVICE_UNAVAILABLE,
  );
}
