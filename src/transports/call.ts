import type { ExecutionContext } from '@nestjs/common';
import type { Awaitable } from '../core/awaitable.js';
import type { PolicyMode } from '../core/policy.js';

/**
 * The members in use of a request of Express, Fastify or (on sockets) Node. At run time it has all other members, too.
 */
export interface HttpRequest {
  /** The headers, by name in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The address of the client, under the application's trust-proxy setting. */
  readonly ip?: string;
  readonly url?: string;
  readonly method?: string;
  /** Any other member; narrow or cast it before use. */
  readonly [member: string]: unknown;
}

/** Data for the functions of a policy: the policy's `context`, merged with that of the call, which takes precedence. */
export interface CallContext {
  /** Splits each budget into one per value. */
  readonly scope?: string;
  /** Any other data of the policy. */
  readonly [member: string]: unknown;
}

/**
 * A call, as passed to functions of the configuration (`by`, `cost`, `rate`, `mode`, `skip`, `message`, `onDenied`).
 */
export interface Call {
  /** `none`: outside any request, in a cron job or a queue worker. */
  readonly type: 'http' | 'ws' | 'graphql' | 'rpc' | 'none';
  /** On sockets Node's upgrade request. */
  readonly request?: HttpRequest | undefined;
  /** The response of the framework, over HTTP. */
  readonly response?: object | undefined;
  /** The socket; undefined during the connection request. */
  readonly client?: object;
  /** The data that a socket sent. */
  readonly message?: unknown;
  /** The method that handles the call, if it is known yet. */
  readonly handler?: ReturnType<ExecutionContext['getHandler']> | undefined;
  /** The class of the handler, if it is known yet. */
  readonly controller?: ReturnType<ExecutionContext['getClass']> | undefined;
  /** The execution context of Nest, if there is one yet. */
  readonly execution?: ExecutionContext | undefined;
  /** The caller's address; IPv6 addresses are cut to their network. Undefined if the transport has none. */
  readonly address?: string | undefined;
  /**
   * Returns the address that a proxy wrote into a header, in the form of `address`. Undefined if the peer is not a
   * trusted proxy, or if the header contains no address.
   *
   * @param header the name of the header, in lower case
   */
  readonly addressIn?: (header: string) => string | undefined;
  /**
   * Aborts when the client disconnects before it got a response, or when a permit of the call is lost (see
   * `concurrency`). Created when it is first read. Undefined outside any request. Handlers get it with `@CallSignal()`.
   */
  readonly signal?: AbortSignal | undefined;
  /** The data of the policy for this call. Empty without a `context`. */
  readonly context: CallContext;
}

/** Returned by `by` to exempt a call from a policy. */
export const EXEMPT: unique symbol = Symbol.for('nestjs-sluice:EXEMPT');

/** Returns the subject to charge. If it returns `null`, `undefined` or `''`, the address is charged. */
export type By = (call: Call) => Awaitable<string | null | undefined | typeof EXEMPT>;

/** Returns how many units a call costs: a safe integer of at least 0. */
export type CostOf = (call: Call) => Awaitable<number>;

/**
 * Returns the mode of a policy for a call: see `PolicyMode`. The call fails with an error if it returns any other
 * value.
 *
 * @example
 * const mode: ModeOf = async ({ request }) => ((await flags.isBeta(request)) ? 'monitor' : 'on');
 */
export type ModeOf = (call: Call) => Awaitable<PolicyMode>;

/**
 * How a call ended, for `chargeWhen`. Contains what is known.
 *
 * @example
 * const rowsOf = ({ value }: CallResult) => (Array.isArray(value) ? value.length : 0);
 */
export interface CallResult {
  /** The status of the response. Over HTTP only. */
  readonly status?: number;
  /** The error that the handler threw, or a pipe or interceptor of its method. Absent if none was thrown. */
  readonly error?: unknown;
  /**
   * The value that the handler returned, or the last value of the Observable that it returned. Absent if the handler
   * threw or did not run.
   */
  readonly value?: unknown;
}

/** Returns the same call with another context. */
export function withContext(call: Call, context: CallContext): Call {
  // Inherits instead of copying, so that members such as `address` are still computed on access.
  return Object.create(call, { context: { value: context, enumerable: true } });
}

/** Returns true for a request of Node or of a framework. */
export function isRequest(value: unknown): value is HttpRequest {
  return typeof value === 'object' && value !== null && 'headers' in value && 'method' in value;
}
