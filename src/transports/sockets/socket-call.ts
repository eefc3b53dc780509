import type { ExecutionContext } from '@nestjs/common';
import type { Outcome } from '../../core/decision.js';
import type { Call, CallContext } from '../call.js';
import type { Denial, Responder } from '../responder.js';
import type { MessageProgress } from './denial-streak.js';
import { connectionSignal, messageSignal } from './message-signal.js';
import { deniedPayload, type RateLimitPayload, unavailablePayload } from './rate-limit-message.js';
import { onClientGone } from './socket-client.js';
import type { SocketConnection } from './socket-connection.js';

/** The function by which a client of socket.io receives the acknowledgement that it asked for. */
export type Acknowledge = (payload: object) => void;

/** A message on a socket, and its responder. */
export class SocketCall implements Call, Responder {
  readonly type = 'ws';
  readonly context: CallContext = {};
  private readonly progress: MessageProgress;
  /** Sends a denied message's acknowledgement. Undefined if the client asked for none. */
  readonly acknowledge?: () => void;
  /** The denial at which the connection is closed, once its client has been notified. */
  private closingDenial: Outcome | undefined;
  private notice: RateLimitPayload | undefined;

  constructor(
    readonly connection: SocketConnection,
    readonly message: unknown,
    readonly execution?: ExecutionContext,
    sendAcknowledgement?: Acknowledge,
    isFrame = false,
  ) {
    this.progress = { isFrame, isCounted: false, endedStreak: 0 };
    if (sendAcknowledgement !== undefined) {
      this.acknowledge = () => {
        if (this.notice !== undefined) sendAcknowledgement(this.notice);
      };
    }
  }

  get client(): object {
    return this.connection.client;
  }

  get request() {
    return this.connection.request;
  }

  get address() {
    return this.connection.address;
  }

  addressIn(header: string): string | undefined {
    return this.connection.addressIn(header);
  }

  get signal(): AbortSignal {
    const { client, execution } = this;
    return execution === undefined ? connectionSignal(client) : messageSignal(execution.getArgs(), client);
  }

  get handler() {
    return this.execution?.getHandler();
  }

  get controller() {
    return this.execution?.getClass();
  }

  /** A frame is charged before its handler is known, and a client by itself has none. */
  get endsWith(): 'handler' | undefined {
    return this.execution === undefined ? undefined : 'handler';
  }

  /** A message has no headers to report limits in. */
  report(): void {}

  enforce(outcome: Outcome): void {
    const { connection, progress } = this;
    if (!outcome.allowed) {
      connection.slowDown();
      if (connection.streak.recordDenial(progress)) this.closingDenial = outcome;
    } else if (outcome.binding !== null) {
      // A message that only monitored limits have counted neither lengthens the streak nor ends it.
      connection.streak.recordAdmission(progress);
    }
  }

  reject(outcome: Outcome, denial: Denial): false {
    let reason: string | object = 'Too many messages';
    try {
      if ('error' in denial) throw denial.error;
      const payload = deniedPayload(outcome, denial, reason);
      reason = payload.error;
      this.notify(payload);
    } finally {
      // After the notice, and also if there is none because a function of the user threw.
      if (outcome === this.closingDenial) this.connection.close(reason);
    }
    return false;
  }

  rejectUnavailable(retryAfterMs: number): false {
    this.notify(unavailablePayload(retryAfterMs));
    return false;
  }

  /** The message is dropped: there is nobody to respond to. */
  rejectInterrupted(): false {
    return false;
  }

  onClientGone(listener: () => void): () => void {
    return onClientGone(this.client, listener);
  }

  private notify(payload: RateLimitPayload): void {
    this.notice = payload;
    this.connection.notify(payload);
  }
}
