import type { ExecutionContext } from '@nestjs/common';
import { noteInjectable } from '../../core/copies.js';
import { invalidArgument } from '../../core/errors.js';
import type { HandlerLimits } from '../../planning/handler-limits.js';
import type { HandlerRegistry } from '../../planning/handler-registry.js';
import { nodeRequestOf } from '../../transports/http/node-request.js';
import type { OpenedCall, Transport } from '../../transports/transport.js';
import { CallSession } from './call-session.js';
import { currentSession, keepSession, runInSession, sessionOn } from './session-store.js';

/** Finds the session of a call, and opens it on the first use of the call. */
export class SessionResolver {
  static {
    noteInjectable(SessionResolver);
  }

  #isTracking: boolean | undefined;
  /** Handlers whose calls no transport recognizes. */
  readonly #reported = new WeakSet<HandlerLimits>();

  /** @param isCurrentNeeded true if anything may need the current session; read at the first call */
  constructor(
    private readonly transports: readonly Transport[],
    private readonly handlers: HandlerRegistry,
    private readonly isCurrentNeeded: () => boolean,
    private readonly warn: (message: string) => void,
  ) {}

  /** Returns the session of a handler's call; undefined if calls of this transport are not charged in `place`. */
  enter(context: ExecutionContext, place: Transport['chargedIn']): CallSession | undefined {
    const transport = this.#transportOf(context);
    if (transport === undefined || transport.chargedIn !== place) return undefined;
    const opened = transport.open(context);
    if (opened !== undefined) return this.#enterHandler(transport, context, opened);
    this.#warnOfUnrecognized(transport, context);
    return undefined;
  }

  /** Returns the session of a request if it is already open. */
  opened(context: ExecutionContext): CallSession | undefined {
    const target: unknown = context.getArgByIndex(0);
    return typeof target === 'object' && target !== null ? sessionOn(nodeRequestOf(target)) : undefined;
  }

  /** Returns the session of a call. The first call for a target opens it. */
  of({ target, call, responder }: OpenedCall): CallSession {
    if (target === undefined) return new CallSession(call, responder);
    let session = sessionOn(target);
    if (session === undefined) {
      session = new CallSession(call, responder, target);
      keepSession(session, target);
    } else if (session.isFuller(call)) {
      session.reopen(call, responder);
    }
    return session;
  }

  /**
   * Returns the session of `on`: an execution context, a request or a socket.
   *
   * @param response the response of a request, for frameworks that do not link it to the request
   * @throws ThrottleConfigError for any other value
   */
  named(method: string, on: unknown, response: object | undefined): CallSession {
    if (isExecutionContext(on)) return this.#ofContext(method, on);
    for (const transport of this.transports) {
      const opened = transport.openNamed(on, response);
      if (opened !== undefined) return opened.target === undefined ? this.#ofClient(opened) : this.of(opened);
    }
    throw invalidArgument(`${method}({ on })`, 'an ExecutionContext, a request or a socket', on);
  }

  /** Returns the session of the call being handled, if there is one. From the first use on, every call is tracked. */
  current(): CallSession | undefined {
    this.#isTracking = true;
    return currentSession();
  }

  /**
   * True if calls are tracked. AsyncLocalStorage has a cost for each promise of a call, so it is used only if something
   * may need the call.
   */
  get isTracking(): boolean {
    this.#isTracking ??= this.isCurrentNeeded();
    return this.#isTracking;
  }

  /** Runs `next` as a part of the call. */
  run<T>(session: CallSession, next: () => T): T {
    return this.isTracking ? runInSession(session, next) : next();
  }

  #enterHandler(transport: Transport, context: ExecutionContext, opened: OpenedCall): CallSession {
    const session = this.of(opened);
    const limits = this.#limitsOf(transport, context);
    if (session.handlerLimits !== limits) session.enterHandler(limits, opened.call, opened.responder);
    return session;
  }

  #limitsOf(transport: Transport, context: ExecutionContext): HandlerLimits {
    const type = context.getClass();
    const handler = context.getHandler();
    return (
      this.handlers.known(type, handler) ??
      this.handlers.find(type, handler, (address) => transport.isAt?.(context, address) ?? false)
    );
  }

  /** Warns once for each limited handler whose calls pass uncharged. */
  #warnOfUnrecognized(transport: Transport, context: ExecutionContext): void {
    if (transport.unrecognized === undefined) return;
    const { handlers } = this;
    const type = context.getClass();
    const handler = context.getHandler();
    const limits = handlers.known(type, handler) ?? handlers.find(type, handler, () => false);
    if (limits.automatic.length === 0 || this.#reported.has(limits)) return;
    this.#reported.add(limits);
    this.warn(
      `${limits.label}: it is also called by something other than a route, in ${transport.unrecognized}. Such calls are not limited. ` +
        'Call ThrottleService.hit("a policy", 1, { subject: "..." }) in the handler to limit them, or exempt it: @SkipThrottle().',
    );
  }

  #ofContext(method: string, context: ExecutionContext): CallSession {
    const transport = this.#transportOf(context);
    const opened = transport?.open(context);
    if (transport !== undefined && opened !== undefined) return this.#enterHandler(transport, context, opened);
    throw invalidArgument(
      `${method}({ on })`,
      "the execution context of a call over HTTP or of a socket's message",
      transport?.unrecognized ?? `one of type ${context.getType<string>()}`,
    );
  }

  /**
   * Returns the session of the message being handled if the client sent it, else a session of the client without a
   * message.
   */
  #ofClient(opened: OpenedCall): CallSession {
    const current = this.current();
    return current !== undefined && current.call.client === opened.call.client ? current : this.of(opened);
  }

  #transportOf(context: ExecutionContext): Transport | undefined {
    const type = context.getType<string>();
    for (const transport of this.transports) if (transport.type === type) return transport;
    return undefined;
  }
}

function isExecutionContext(on: unknown): on is ExecutionContext {
  return typeof on === 'object' && on !== null && 'getHandler' in on && 'switchToHttp' in on;
}
