import type { ExecutionContext } from '@nestjs/common';
import type { HandlerLimits } from '../../planning/handler-limits.js';
import type { HandlerRegistry } from '../../planning/handler-registry.js';
import type { HttpRequest } from '../../transports/call.js';
import { HttpCall } from '../../transports/http/http-call.js';
import type { ClientAddress } from '../../transports/identity/client-address.js';
import type { ConnectionRegistry } from '../../transports/sockets/connection-registry.js';
import type { CallReference } from './call-reference.js';
import { CallSession, currentCall, openCall, sessionOf } from './call-session.js';
import type { RuntimeSettings } from './runtime-settings.js';

/** Finds what is known of a call, however it is named. */
export class SessionStore {
  /** Whether somebody may ask for the call being handled; not known before the first of them. */
  #isAskedFor: boolean | undefined;

  /** @param mayBeAskedFor whether anything may ask for the call being handled: to keep it costs each of its promises */
  constructor(
    private readonly settings: RuntimeSettings,
    private readonly plans: HandlerRegistry,
    private readonly addresses: ClientAddress,
    private readonly connections: ConnectionRegistry,
    private readonly mayBeAskedFor: () => boolean,
  ) {}

  /** Opens a call over HTTP: what runs in `next` is within it. */
  open(request: HttpRequest, response: object, next: () => void): void {
    this.#isAskedFor ??= this.mayBeAskedFor();
    if (this.#isAskedFor) {
      sessionOf(request).call ??= this.#httpCall(request, response);
      openCall(request, next);
    } else next();
  }

  /** Runs `next` within the message of an execution context. */
  within<T>(context: ExecutionContext, next: () => T): T {
    this.#isAskedFor ??= this.mayBeAskedFor();
    return this.#isAskedFor ? openCall(context.getArgs(), next) : next();
  }

  /** What is known of the call being handled, if there is one. Who asks may ask again: from now on calls are opened. */
  current(): CallSession | undefined {
    this.#isAskedFor = true;
    return currentCall();
  }

  /** What is known of the call of an execution context, from now on with its handler. */
  of(context: ExecutionContext): { readonly state: CallSession; readonly plan: HandlerLimits } {
    const isHttp = context.getType() === 'http';
    // What `switchToHttp()` gives, without an object for it.
    const state = sessionOf(isHttp ? context.getArgByIndex<object>(0) : context.getArgs());
    const plan = this.plans.of(context.getClass(), context.getHandler());
    if (state.plan !== plan) {
      state.call = isHttp
        ? this.#httpCall(context.getArgByIndex(0), context.getArgByIndex<object>(1), context)
        : this.connections.message(context);
      state.plan = plan;
    }
    return { state, plan };
  }

  /** What is known of the call that a user names. */
  named(on: CallReference): CallSession {
    if ('context' in on) return this.of(on.context).state;
    return 'request' in on ? this.#ofRequest(on.request) : this.#ofClient(on.client);
  }

  #ofRequest(request: HttpRequest): CallSession {
    const state = sessionOf(request);
    const response: unknown = request.res; // Express's request knows its response
    state.call ??= this.#httpCall(request, typeof response === 'object' && response !== null ? response : undefined);
    return state;
  }

  /** The message that is being handled, if it is the client's; else the client by itself. */
  #ofClient(client: object): CallSession {
    const current = this.current();
    if (current?.call?.client === client) return current;
    const state = new CallSession();
    state.call = this.connections.call(client);
    return state;
  }

  #httpCall(request: HttpRequest, response: object | undefined, context?: ExecutionContext): HttpCall {
    return new HttpCall(request, response, this.addresses, this.settings, context);
  }
}
