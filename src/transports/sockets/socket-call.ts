import type { ExecutionContext } from '@nestjs/common';
import { type Awaitable, chain, isPromise } from '../../core/awaitable.js';
import type { Outcome } from '../../core/decision.js';
import type { CallContext } from '../call.js';
import type { AnsweredCall, DenialMessage } from '../responder.js';
import { deniedPayload, type RateLimitPayload, unavailablePayload } from './rate-limit-message.js';
import { onClientGone } from './socket-client.js';
import type { InRow, SocketConnection } from './socket-connection.js';

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
  private readonly course: Course;

  constructor(
    readonly connection: SocketConnection,
    readonly message: unknown,
    readonly execution?: ExecutionContext,
    private readonly ack?: Acknowledge,
    isFrame = false,
  ) {
    this.course = { isFrame, isCounted: false, ended: 0, answer: undefined };
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

  deny(outcome: Outcome, ask: () => Awaitable<DenialMessage>): Awaitable<false> {
    const { connection, course } = this;
    const isLast = connection.counts(course);
    const tell = (denial: DenialMessage) => {
      const payload = deniedPayload(outcome, denial, 'Too many messages');
      course.answer = payload;
      connection.notify(payload);
      if (isLast) connection.close(payload.error);
      return false as const;
    };
    // What is wrong with the answer, or said in place of it, does not keep a connection open.
    const fail = (error: unknown): never => {
      if (isLast) connection.close('Too many messages');
      throw error;
    };
    try {
      const told = chain(ask(), tell);
      return isPromise(told) ? told.catch(fail) : told;
    } catch (error) {
      return fail(error);
    }
  }

  unavailable(waitMs: number): false {
    const payload = unavailablePayload(waitMs);
    this.course.answer = payload;
    this.connection.notify(payload);
    return false;
  }

  onLeave(listener: () => void): () => void {
    return onClientGone(this.client, listener);
  }

  /** Calls the acknowledgement that the client asked for with what a denied message was answered. */
  acknowledge(): void {
    if (this.course.answer !== undefined) this.ack?.(this.course.answer);
  }
}
