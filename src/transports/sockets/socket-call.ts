import type { ExecutionContext } from '@nestjs/common';
import type { Outcome } from '../../core/decision.js';
import type { Call, CallContext } from '../call.js';
import type { Denial, Responder } from '../responder.js';
import type { MessageProgress } from './denial-streak.js';
import { connectionSignal, messageSignal } from './message-signal.js';
import { deniedPayload, type RateLimitPayload, unavailablePayload } from './rate-limit-message.js';
import { onClientGone } from './socket-client.js';
import type { SocketConnection } from './socket-connection.js';

/** The function that sends the acknowledgement that a socket.io client requested. */
export type Acknowledge = (payload: object) => void;

/** A message on a socket, its responder, and its effect on the streak of denials: one object for each message. */
export class SocketCall implements Call, Responder, MessageProgress {
  readonly type = 'ws';
  readonly context: CallContext = {};
  isCounted = false;
  endedStreak = 0;
  /** Sends the acknowledgement of a denied message. Undefined if the client did not request one. */
  readonly acknowledge?: () => void;
  /** The denial that closes the connection, after the client has been notified. */
  private closingDenial: Outcome | undefined;
  private notice: RateLimitPayload | undefined;

  constructor(
    readonly connection: SocketConnection,
    readonly message: unknown,
    readonly execution?: ExecutionContext,
    sendAcknowledgement?: Acknowledge,
    readonly isFrame = false,
  ) {
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

  /** Undefined for a frame, whose handler is not known yet, and for a client without a message. */
  get endsWith(): 'handler' | undefined {
    return this.execution === undefined ? undefined : 'handler';
  }

  /** Does nothing: a message has no headers. */
  report(): void {}

  enforce(outcome: Outcome): void {
    const { connection } = this;
    if (!outcome.allowed) {
      connection.slowDown();
      if (connection.streak.recordDenial(this)) this.closingDenial = outcome;
    } else if (outcome.binding !== null) {
      // A message that was counted only by monitored limits neither extends nor ends the streak.
      connection.streak.recordAdmission(this);
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
      // After the notice. Also runs if there is none because a function of the user threw.
      if (outcome === this.closingDenial) this.connection.close(reason);
    }
    return false;
  }

  rejectUnavailable(retryAfterMs: number): false {
    this.notify(unavailablePayload(retryAfterMs));
    return false;
  }

  /** Drops the message: there is no client to respond to. */
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
