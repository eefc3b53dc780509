import type { ExecutionContext } from '@nestjs/common';
import type { Call } from './call.js';
import type { Responder } from './responder.js';

/** A call as its transport opened it: what it is, and how it is responded to. One object may be both. */
export interface OpenedCall {
  /** The object that stands for the call while it is handled, such as the request. Undefined: nothing does. */
  readonly target: object | undefined;
  readonly call: Call;
  readonly responder: Responder;
}

/** Opens the calls of one kind of execution context. */
export interface Transport {
  /** As `ExecutionContext.getType()` returns it. */
  readonly type: Call['type'];
  /** Where its calls are charged. */
  readonly chargedIn: 'guard' | 'interceptor';
  /** What contexts lack that `open` does not recognize, for a warning. Undefined: such contexts are nothing to warn of. */
  readonly unrecognized?: string;
  /** Opens the call of an execution context of this type. Undefined: the call is not this application's to limit. */
  open(context: ExecutionContext): OpenedCall | undefined;
  /** Returns true if the context's call came to an address such as `GET /reports`, and false if it did not or cannot tell. */
  isAt?(context: ExecutionContext, address: string): boolean;
  /**
   * Opens the call that a user names by a request or a socket of this transport. Undefined: it is of another.
   *
   * @param response of a request, if the user names it, too
   */
  openNamed(on: unknown, response?: object): OpenedCall | undefined;
}
