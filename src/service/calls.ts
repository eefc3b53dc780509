import type { ExecutionContext } from '@nestjs/common';
import type { HttpRequest } from '../transports/call.js';
import type { ClientAddress } from '../transports/client-address.js';
import { HttpCall } from '../transports/http-call.js';
import { CallState, currentCall, openCall, stateOf } from './call-state.js';
import type { Connections } from './connections.js';
import type { Named } from './on.js';
import type { Plan } from './plan.js';
import type { Plans } from './plans.js';
import type { Settings } from './settings.js';

/** Finds what is known of a call, however it is named. */
export class Calls {
  /** Whether somebody may ask for the call being handled; not known before the first of them. */
  #isAskedFor: boolean | undefined;

  /** @param mayBeAskedFor whether anything may ask for the call being handled: to keep it costs each of its promises */
  constructor(
    private readonly settings: Settings,
    private readonly plans: Plans,
    private readonly addresses: ClientAddress,
    private readonly connections: Connections,
    private readonly mayBeAskedFor: () => boolean,
  ) {}

  /** Opens a call over HTTP: what runs in `next` is within it. */
  open(request: HttpRequest, response: object, next: () => void): void {
    this.#isAskedFor ??= this.mayBeAskedFor();
    if (this.#isAskedFor) {
      stateOf(request).call ??= this.#httpCall(request, response);
      openCall(request, next);
    } else next();
  }

  /** Runs `next` within the message of an execution context. */
  within<T>(context: ExecutionContext, next: () => T): T {
    this.#isAskedFor ??= this.mayBeAskedFor();
    return this.#isAskedFor ? openCall(context.getArgs(), next) : next();
  }

  /** What is known of the call being handled, if there is one. Who asks may ask again: from now on calls are opened. */
  current(): CallState | undefined {
    this.#isAskedFor = true;
    return currentCall();
  }

  /** What is known of the call of an execution context, from now on with its handler. */
  of(context: ExecutionContext): { readonly state: CallState; readonly plan: Plan } {
    const isHttp = context.getType() === 'http';
    // What `switchToHttp()` gives, without an object for it.
    const state = stateOf(isHttp ? context.getArgByIndex<object>(0) : context.getArgs());
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
  named(on: Named): CallState {
    if ('context' in on) return this.of(on.context).state;
    return 'request' in on ? this.#ofRequest(on.request) : this.#ofClient(on.client);
  }

  #ofRequest(request: HttpRequest): CallState {
    const state = stateOf(request);
    const response: unknown = request.res; // Express's request knows its response
    state.call ??= this.#httpCall(request, typeof response === 'object' && response !== null ? response : undefined);
    return state;
  }

  /** The message that is being handled, if it is the client's; else the client by itself. */
  #ofClient(client: object): CallState {
    const current = this.current();
    if (current?.call?.client === client) return current;
    const state = new CallState();
    state.call = this.connections.call(client);
    return state;
  }

  #httpCall(request: HttpRequest, response: object | undefined, context?: ExecutionContext): HttpCall {
    return new HttpCall(request, response, this.addresses, this.settings, context);
  }
}
