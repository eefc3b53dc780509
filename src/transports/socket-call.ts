import type { ExecutionContext } from '@nestjs/common';
import { type Awaitable, chain } from '../core/awaitable.js';
import type { Outcome } from '../core/decision.js';
import type { AnsweredCall, Denial } from './answered-call.js';
import type { CallContext } from './call.js';
import { onLeave } from './socket-client.js';
import type { InRow, SocketConnection } from './socket-connection.js';
import { deniedPayload, type RateLimitPayload, unavailablePayload } from './socket-payload.js';

/** By which a client of socket.io asked to be answered. */
export type Acknowledge = (payload: object) => void;

/** Where a message is in its connection's row of denials, and how it was answered. */
interface Course extends InRow {
  answer: RateLimitPayload | undefined;
}

/** A message on a socket. */
export class SocketCall implements AnsweredCall {
  readonly type = 'ws';
  readonly context: CallContext = {};
  /** Shared with the same call under other contexts. */
  private readonly course: Course = { isCounted: false, ended: 0, answer: undefined };

  constructor(
    readonly connection: SocketConnection,
    readonly message: unknown,
    readonly execution?: ExecutionContext,
    private readonly ack?: Acknowledge,
  ) {}

  get client(): object {
    return this.connection.client;
  }

  get request() {
    return this.connection.request;
  }

  get address() {
    return this.connection.address;
  }

  get handler() {
    return this.execution?.getHandler();
  }

  get controller() {
    return this.execution?.getClass();
  }

  /** A socket's answer has no place for limits. */
  decided(): void {}

  admitted(): void {
    this.connection.admitted(this.course);
  }

  deny(outcome: Outcome, ask: () => Awaitable<Denial>): Awaitable<false> {
    return chain(ask(), (denial) => {
      const payload = deniedPayload(outcome, denial, 'Too many messages');
      this.course.answer = payload;
      this.connection.denied(this.course, payload);
      return false as const;
    });
  }

  unavailable(waitMs: number): false {
    const payload = unavailablePayload(waitMs);
    this.course.answer = payload;
    this.connection.notify(payload);
    return false;
  }

  onLeave(listener: () => void): () => void {
    return onLeave(this.client, listener);
  }

  /** Calls the acknowledgement that the client asked for with what a denied message was answered. */
  acknowledge(): void {
    if (this.course.answer !== undefined) this.ack?.(this.course.answer);
  }
}
