import type { ExecutionContext } from '@nestjs/common';
import type { Awaitable } from '../core/awaitable.js';
import type { PolicyMode } from '../core/policy.js';

/** The members in use of a request of Express, Fastify or (on sockets) Node. All others are there as well. */
export interface HttpRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly ip?: string;
  readonly url?: string;
  readonly method?: string;
  readonly [member: string]: unknown;
}

/** Data that a call carries for its policies: a policy's `context`, merged with that of the call, which wins. */
export interface CallContext {
  /** Splits each budget: one for each value. */
  readonly scope?: string;
  readonly [member: string]: unknown;
}

/** A call, as the functions of the configuration see it (`by`, `cost`, `rate`, `mode`, `skip`, `message`, `onDenied`). */
export interface Call {
  /** `none`: outside any request, in a cron job or a queue worker. */
  readonly type: 'http' | 'ws' | 'graphql' | 'rpc' | 'none';
  /** On sockets the upgrade request, as Node made it. */
  readonly request?: HttpRequest | undefined;
  readonly response?: object | undefined;
  /** The socket; undefined while its connection is being decided. */
  readonly client?: object;
  /** The data that a socket sent. */
  readonly message?: unknown;
  readonly handler?: ReturnType<ExecutionContext['getHandler']> | undefined;
  readonly controller?: ReturnType<ExecutionContext['getClass']> | undefined;
  readonly execution?: ExecutionContext | undefined;
  /** The caller's address; IPv6 addresses are cut to their network. Undefined if the transport has none. */
  readonly address?: string | undefined;
  /**
   * Returns the address that a proxy wrote into a header, in the form of `address`. Undefined if the peer is not a proxy that the
   * application trusts, or if the header holds no address.
   *
   * @param header in lower case
   */
  readonly addressIn?: (header: string) => string | undefined;
  /**
   * Aborts once the client has gone before it was answered, or once a permit of the call was lost (see `concurrency`). It is made when
   * it is first read. Undefined outside any request. A handler gets it by `@CallSignal()`.
   */
  readonly signal?: AbortSignal | undefined;
  readonly context: CallContext;
}

/** Returned by `by` to exempt a call from a policy. */
export const EXEMPT: unique symbol = Symbol.for('nestjs-sluice:EXEMPT');

/** Returns the subject to charge. `null`, `undefined` and `''` mean that nobody was found; then the address is charged. */
export type By = (call: Call) => Awaitable<string | null | undefined | typeof EXEMPT>;

/** Returns how many units a call costs: a safe integer of at least 0. */
export type CostOf = (call: Call) => Awaitable<number>;

/**
 * Returns what a policy does to a call: see `PolicyMode`. Any other answer is an error, and the call fails.
 *
 * @example
 * const mode: ModeOf = async ({ request }) => ((await flags.isBeta(request)) ? 'monitor' : 'on');
 */
export type ModeOf = (call: Call) => Awaitable<PolicyMode>;

/**
 * How a call ended, as far as it is known: what `chargeWhen` decides by.
 *
 * @example
 * const rowsOf = ({ value }: CallResult) => (Array.isArray(value) ? value.length : 0);
 */
export interface CallResult {
  /** The status of the response. Over HTTP only. */
  readonly status?: number;
  /** What the handler threw, or a pipe or an interceptor of its method in its place. Absent if nothing did. */
  readonly error?: unknown;
  /** What the handler returned, or the last value of the Observable that it returned. Absent if it threw, or did not run. */
  readonly value?: unknown;
}

/** Returns the same call with another context. */
export function withContext(call: Call, context: CallContext): Call {
  // Inherits and does not copy: members that are computed on access, such as `address`, stay so.
  return Object.create(call, { context: { value: context, enumerable: true } });
}

/** Returns true for a request of Node or of a framework. */
export function isRequest(value: unknown): value is HttpRequest {
  return typeof value === 'object' && value !== null && 'headers' in value && 'method' in value;
}
