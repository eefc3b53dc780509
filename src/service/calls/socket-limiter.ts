import { type ExecutionContext, HttpException } from '@nestjs/common';
import { type Awaitable, chain, isPromise } from '../../core/awaitable.js';
import type { Decision, Outcome } from '../../core/decision.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { HttpRequest } from '../../transports/call.js';
import type { AnsweredCall } from '../../transports/responder.js';
import type { ConnectionRegistry } from '../../transports/sockets/connection-registry.js';
import { type ConnectionRefusal, refusalFrom } from '../../transports/sockets/handshake/connection-refusal.js';
import { HandshakeCall } from '../../transports/sockets/handshake/handshake-call.js';
import { type Acknowledge, SocketCall } from '../../transports/sockets/socket-call.js';
import type { CallLimiter } from './call-limiter.js';
import { CallSession } from './call-session.js';
import { DelayInterruptedException } from './delayed-calls.js';
import type { SessionStore } from './session-store.js';

/** When a message that was one too many to wait for its decision is worth another try. */
const FULL_FOR_MS = 1000;

/** Lets connections, frames and messages of sockets through, or answers them. */
export class SocketLimiter {
  constructor(
    private readonly limiter: CallLimiter,
    private readonly calls: SessionStore,
    private readonly connections: ConnectionRegistry,
    private readonly frames: CompiledLimit | undefined,
  ) {}

  get limitsFrames(): boolean {
    return this.frames !== undefined;
  }

  /** The interceptor's question: charges what the handler's plan says, once a message and handler. */
  enter(context: ExecutionContext): Awaitable<boolean> {
    if (this.connections.opened(context.switchToWs().getClient<object>()).isClosed) return false;
    return this.limiter.enter(
      context,
      (limits, call, state) => call instanceof SocketCall && this.#admit(limits, call, state),
    );
  }

  /** Runs a message's handler within its call. */
  within<T>(context: ExecutionContext, next: () => T): T {
    return this.calls.within(context, next);
  }

  /** Calls the acknowledgement of a message that its handler has denied by hand, and answered with nothing. */
  acknowledge(context: ExecutionContext): void {
    const { call } = this.calls.of(context).state;
    if (call instanceof SocketCall) call.acknowledge();
  }

  /** Whether what a client sent may reach anybody. Nobody is above it to tell of an error: that is a refusal, and logged. */
  frame(client: object, message: unknown, ack: Acknowledge | undefined): Awaitable<boolean> {
    const { frames } = this;
    const call = this.connections.frame(client, message, ack);
    if (frames === undefined) return true;
    if (call.connection.isClosed) return false;
    try {
      const admitted = this.#admit([frames], call, stateFor(call));
      return isPromise(admitted) ? admitted.catch((error: unknown) => this.#failed(error)) : admitted;
    } catch (error) {
      return this.#failed(error);
    }
  }

  /**
   * Whether a connection may be made: nothing, or how it is refused.
   *
   * @param line tells when the client has gone
   */
  async handshake(
    limits: readonly CompiledLimit[],
    upgrade: HttpRequest,
    line: unknown,
  ): Promise<ConnectionRefusal | undefined> {
    const call = new HandshakeCall(upgrade, line, this.connections.addressOf(upgrade), this.limiter.settings);
    const state = stateFor(call);
    try {
      await this.limiter.admit(call, await this.limiter.spend(limits, call, {}, state));
      return undefined;
    } catch (error) {
      if (error instanceof HttpException) return refusalFrom(error, call);
      throw error;
    }
  }

  #admit(limits: readonly CompiledLimit[], call: SocketCall, state: CallSession): Awaitable<boolean> {
    const { connection } = call;
    if (connection.isFull) return this.#denyAtOnce(call, state);
    const answer = chain(this.limiter.spend(limits, call, {}, state), (evaluation) =>
      chain(this.limiter.answer(call, evaluation), (goesOn) => (goesOn ? evaluation.outcome : undefined)),
    );
    return chain(isPromise(answer) ? connection.awaiting(answer) : answer, (outcome) => {
      if (outcome !== undefined) return this.#held(call, outcome);
      call.acknowledge();
      return false;
    });
  }

  /** Too many wait already: nobody is asked, or told but the client, so that a flood does not add to what is slow. */
  #denyAtOnce(call: SocketCall, state: CallSession): Awaitable<boolean> {
    const decision: Decision = {
      policy: 'pending',
      allowed: false,
      limit: call.connection.maxPending,
      remaining: 0,
      resetMs: FULL_FOR_MS,
      retryAfterMs: FULL_FOR_MS,
      delayMs: 0,
      windowMs: FULL_FOR_MS,
    };
    const outcome: Outcome = { allowed: false, decisions: [decision], binding: decision };
    this.limiter.conclude({ outcome, charges: [], limits: [] }, call, state);
    return chain(
      call.deny(outcome, () => ({ message: undefined, context: call.context })),
      (goesOn) => {
        call.acknowledge();
        return goesOn;
      },
    );
  }

  /** A client that leaves while its message is held, or an application that closes, lets it go unhandled. */
  #held(call: SocketCall, outcome: Outcome): Awaitable<boolean> {
    const held = this.limiter.hold(call, outcome);
    if (!isPromise(held)) return held;
    return held.catch((error: unknown) => {
      if (error instanceof DelayInterruptedException) return false;
      throw error;
    });
  }

  #failed(error: unknown): false {
    this.limiter.settings.fail(error);
    return false;
  }
}

function stateFor(call: AnsweredCall): CallSession {
  const state = new CallSession();
  state.call = call;
  return state;
}
