import type { Backend } from '../backends/backend.js';
import type { OnError, PolicyMode } from '../core/policy.js';
import type { ModulePolicy } from '../decorators/budget-options.js';
import type { Limit, MessageOption, OnDenied, Skip } from '../decorators/policy-options.js';
import type { PlanOptions } from '../planning/plans/plan-options.js';
import type { Strategy } from '../strategies/strategy.js';
import type { ModeOf } from '../transports/call.js';
import type { ErrorStyle } from '../transports/http/denial-exception.js';
import type { HeaderStyle } from '../transports/http/header-dialects.js';
import type { TrustProxy } from '../transports/identity/trust-proxy.js';
import type { RetryJitterOption } from '../transports/retry-jitter.js';

/**
 * Options of ThrottleModule. All are optional; `default`, `policies`, `plans`, `requests` and `onError` may be omitted,
 * but not be `undefined`.
 */
export interface ThrottleModuleOptions {
  /**
   * Where state is stored: a backend, or a function that creates one at startup. The function is not called if a test
   * overrides THROTTLE_BACKEND. Default: `new MemoryBackend()`.
   */
  readonly backend?: Backend | (() => Backend | Promise<Backend>);
  /** Custom strategies, created with `defineStrategy`. */
  readonly strategies?: readonly Strategy[];
  /**
   * Policies by name. All handlers that use a name share its budget. A policy with the option `budget` is a token
   * budget: see `BudgetOptions`.
   */
  readonly policies?: Readonly<Record<string, ModulePolicy>>;
  /** The rates of policies by the plan of the client. Default: every client has the rates of the policies. */
  readonly plans?: PlanOptions;
  /** The limit of all handlers that do not declare one. They share one budget. Default: no limit. */
  readonly default?: Limit | readonly Limit[];
  /**
   * Limits all HTTP requests by address, before routing and after the middleware of `main.ts`, including requests
   * without a handler (404). CORS preflights are not charged. It is decided separately: the charge is not refunded if a
   * limit of the handler denies the request. Use `throttleRequests` to run it before all middleware. Default: no limit.
   */
  readonly requests?: Limit;
  /**
   * If true, changes that any process makes with `throttle.policies.update()` apply in this one: stored changes from
   * startup on, later ones within a second. Default: false, then the process follows changes only after its own first
   * `update()` or `reset()`.
   */
  readonly runtimePolicies?: boolean;
  /**
   * The mode of limits that do not set one: `on` enforces them, `monitor` counts and reports without denying, `off`
   * does nothing. A function is called for each limit of a call. Default: `on`.
   */
  readonly mode?: PolicyMode | ModeOf;
  /** Returns true for calls that pass uncharged. Default: no calls. */
  readonly skip?: Skip;
  /**
   * What to do while a remote backend is unavailable: enforce the limits in this process (`local`), let calls pass
   * (`allow`), or reject them with 503 (`deny`). `{ local: { share: 0.25 } }` gives this process a quarter of each
   * limit. Default: `local`.
   */
  readonly onError?: OnError;
  /**
   * `standard`: the `RateLimit` fields of the current draft; `legacy`: `X-RateLimit-*`; `both`; `false`: none; or an
   * array of dialects such as `['draft-7', 'legacy']`, with at most one of `draft-11`, `draft-7` and `draft-6`.
   * Default: `standard`.
   */
  readonly headers?: HeaderStyle;
  /** The body of a 429: in Nest's form, or as problem details (RFC 9457). Default: `nest`. */
  readonly errors?: ErrorStyle;
  /** The message of denied calls, for policies that do not set one. */
  readonly message?: MessageOption;
  /** Called for denied calls, for policies that do not set `onDenied`. */
  readonly onDenied?: OnDenied;
  /**
   * Milliseconds, at least 1, that your functions may take: `by`, `cost`, `rate`, `skip`, `mode`, `anchor`, `message`,
   * `onDenied`, `plans.of`, and a custom backend. If one takes longer, the call is rejected with 503, and the log names
   * the function and its policy. Applies to promises only. Default: 5000.
   */
  readonly functionTimeoutMs?: number;
  /**
   * Asks denied clients to retry later than necessary, at random by up to this share (0 to 1) of their wait, so that
   * clients that were denied at the same time do not all return at the same time. With 0.1 and a wait of 60 s, they
   * return in the 6 seconds after it. Applies to `Retry-After`, the body and its message, and `rate_limit` messages;
   * the `RateLimit` fields and decisions stay exact. Default: 0, the exact wait.
   */
  readonly retryJitter?: RetryJitterOption;
  /** The number of bits of an IPv6 address that identify a network, 1 to 128. Default: 64. */
  readonly ipv6Prefix?: number;
  /** Options of all WebSocket gateways. */
  readonly sockets?: SocketOptions;
}

/** Options of the sockets of all gateways. All are optional; the two limits may be omitted, but not be `undefined`. */
export interface SocketOptions {
  /**
   * Limits new connections by address. Connections over the limit are refused at the handshake: with HTTP 429 on ws,
   * with a `connect_error` that contains the payload on socket.io. All gateways share the budget, except those with
   * their own limit, `@Throttle({ connections: "10/min" })`. Default: no limit.
   */
  readonly connections?: Limit;
  /**
   * Limits the frames of a connection (on socket.io, events) before they are parsed, even those without a handler.
   * Default: no limit.
   */
  readonly frames?: Limit;
  /**
   * The number of consecutive denied messages that closes a connection (1008, or `disconnect(true)`), at least 1.
   * Default: never.
   */
  readonly closeAfter?: number;
  /** Milliseconds between `rate_limit` messages to one connection, at least 0. Default: 1000. */
  readonly noticeEveryMs?: number;
  /**
   * The maximum number of messages per connection that await a decision, at least 1. Further ones are denied at once.
   * Default: 32.
   */
  readonly maxPending?: number;
  /**
   * The proxies whose forwarding header on an upgrade request is trusted: `true`, `false`, a number of hops, addresses
   * and networks, or a function of an address and its hop. Default: those that the HTTP application trusts.
   */
  readonly trustProxy?: TrustProxy;
}

/** Options of the module itself, for both `forRoot` and `forRootAsync`. */
export interface ThrottleModuleExtras {
  /** If true, the module binds ThrottleGuard for all handlers. Default: true. */
  readonly guard?: boolean;
  /** If true, all modules can inject ThrottleService. Default: true. */
  readonly isGlobal?: boolean;
}

/** Options of `forFeature`. */
export interface ThrottleFeatureOptions {
  readonly policies: Readonly<Record<string, ModulePolicy>>;
}
