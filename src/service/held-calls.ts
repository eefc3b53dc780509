import { HttpException, ServiceUnavailableException } from '@nestjs/common';
import type { Clock } from '../core/clock.js';
import { onClose } from '../transports/http-call.js';

/** What nginx writes down for a client that left: it gets no answer. */
const CLIENT_CLOSED_REQUEST = 499;

/** The calls that wait for their turn: one timer each, until the client leaves or the application closes. */
export class HeldCalls {
  readonly #held = new Set<AbortController>();
  #isClosing = false;

  constructor(private readonly clock: Clock) {}

  async hold(delayMs: number, response: object | undefined): Promise<true> {
    if (this.#isClosing) throw closing();
    const gone = new AbortController();
    this.#held.add(gone);
    const left = () => gone.abort(new HttpException('Client Closed Request', CLIENT_CLOSED_REQUEST));
    const release = response === undefined ? undefined : onClose(response, left);
    try {
      await this.clock.wait(delayMs, gone.signal);
    } finally {
      this.#held.delete(gone);
      release?.();
    }
    return true;
  }

  /** Turns away those that are held, and holds no more: an application that closes would wait for them. */
  close(): void {
    this.#isClosing = true;
    for (const held of this.#held) held.abort(closing());
  }
}

function closing(): ServiceUnavailableException {
  return new ServiceUnavailableException('The application is closing.');
}
