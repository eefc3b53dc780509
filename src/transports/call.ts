import type { ExecutionContext } from '@nestjs/common';
import type { Awaitable } from '../core/awaitable.js';

/** What is read of a request, Express's, Fastify's, or (on sockets) Node's; its other members are there as well. */
export interface HttpRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly ip?: string;
  readonly url?: string;
  readonly method?: string;
  readonly [member: string]: unknown;
}

/** What a call carries for its policies: a policy's `context`, merged with that of the call, which wins. */
export interface CallContext {
  /** Keeps budgets apart: one for each text. */
  readonly scope?: string;
  readonly [member: string]: unknown;
}

/** What a user's functions (`by`, `cost`, `rate`, `skip`, `message`, `onDenied`) are told of the call. */
export interface Call {
  /** `none`: outside any request, in a cron job or a queue worker. */
  readonly type: 'http' | 'ws' | 'graphql' | 'rpc' | 'none';
  /** On sockets the upgrade request, as Node made it. */
  readonly request?: HttpRequest | undefined;
  readonly response?: object | undefined;
  /** A socket; there is none yet while its connection is being decided. */
  readonly client?: object;
  /** What a socket sent. */
  readonly message?: unknown;
  readonly handler?: ReturnType<ExecutionContext['getHandler']> | undefined;
  readonly controller?: ReturnType<ExecutionContext['getClass']> | undefined;
  readonly execution?: ExecutionContext | undefined;
  /** Who is calling, by address: IPv6 cut to its network. Nothing where there is none. */
  readonly address?: string | undefined;
  readonly context: CallContext;
}

/** What `by` answers to take a call out of a policy. */
export const EXEMPT: unique symbol = Symbol('EXEMPT');

/** Who is charged: a subject. `null`, `undefined` and `''` mean nobody was found; the address is charged then. */
export type By = (call: Call) => Awaitable<string | null | undefined | typeof EXEMPT>;

/** How many units a call costs: a safe integer of at least 0. */
export type CostOf = (call: Call) => Awaitable<number>;

/** The same call with another context. */
export function withContext<C extends Call>(call: C, context: CallContext): C {
  // Not a spread: what a call works out when asked (`address`) stays so.
  return Object.create(call, { context: { value: context, enumerable: true } });
}
