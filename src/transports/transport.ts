import type { ExecutionContext } from '@nestjs/common';
import type { Call } from './call.js';
import type { Responder } from './responder.js';

/** A call that its transport opened, and its responder. One object may be both. */
export interface OpenedCall {
  /** The object that identifies the call while it is handled, such as the request. Undefined if there is none. */
  readonly target: object | undefined;
  readonly call: Call;
  readonly responder: Responder;
}

/** Opens the calls of one kind of execution context. */
export interface Transport {
  /** The result of `ExecutionContext.getType()`. */
  readonly type: Call['type'];
  /** Where its calls are charged. */
  readonly chargedIn: 'guard' | 'interceptor';
  /**
   * Describes the contexts that `open` does not recognize, for a warning. Undefined if such contexts need no warning.
   */
  readonly unrecognized?: string;
  /** Opens the call of an execution context of this type. Undefined if this application does not limit the call. */
  open(context: ExecutionContext): OpenedCall | undefined;
  /**
   * Returns true if the context's call came to an address such as `GET /reports`; false if it did not, or if that is
   * unknown.
   */
  isAt?(context: ExecutionContext, address: string): boolean;
  /**
   * Opens the call of a request or a socket that a user passes. Undefined if it belongs to another transport.
   *
   * @param response the response of the request, if the user passes it, too
   */
  openNamed(on: unknown, response?: object): OpenedCall | undefined;
}
