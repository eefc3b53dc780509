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
 * Options of ThrottleModule. All are optional; `default`, `policies`, `plans`, `requests` and `onError` may be left out, but not be
 * `undefined`.
 */
export interface ThrottleModuleOptions {
  /**
   * Where state is kept: a backend, or a function that makes one at startup. The function is not called where a test
   * overrides THROTTLE_BACKEND. Default: `new MemoryBackend()`.
   */
  readonly backend?: Backend | (() => Backend | Promise<Backend>);
  /** Custom strategies, as `defineStrategy` returns them. */
  readonly strategies?: readonly Strategy[];
  /**
   * Policies by name. Each is one budget of the application, whichever handlers use its name. One with the option `budget` is a token
   * budget: see `BudgetOptions`.
   */
  readonly policies?: Readonly<Record<string, ModulePolicy>>;
  /** The rates of policies by the plan of the client. Default: every client has the rates of the policies. */
  readonly plans?: PlanOptions;
  /** Limits every handler without a limit of its own, in one budget of the application. Default: no limit. */
  readonly default?: Limit | readonly Limit[];
  /**
   * Limits all HTTP requests by address, before routing and after the middleware of `main.ts`: those without a handler, too, which
   * are answered with 404. CORS preflights are not charged. It is a decision of its own: what a request takes here is not given
   * back if a limit of its handler denies it. See `throttleRequests` for a place before all middleware. Default: no limit.
   */
  readonly requests?: Limit;
  /**
   * If true, changes that any process makes by `throttle.policies.update()` are in force in this one: stored ones from startup on, and
   * later ones within a second. Default: false; the process then follows changes only after its own first `update()` or `reset()`.
   */
  readonly runtimePolicies?: boolean;
  /**
   * What limits without a `mode` of their own do: `on` enforces them, `monitor` counts and reports without denying, `off` does
   * nothing. A function is called for each limit of a call. Default: `on`.
   */
  readonly mode?: PolicyMode | ModeOf;
  /** Returns true for calls that pass uncharged. Default: none do. */
  readonly skip?: Skip;
  /**
   * What to do while a remote backend is unavailable: enforce the limits in this process (`local`), let calls pass
   * (`allow`), or reject them with 503 (`deny`). `{ local: { share: 0.25 } }` gives this process a quarter of each limit. Default: `local`.
   */
  readonly onError?: OnError;
  /**
   * `standard`: the `RateLimit` fields of the current draft; `legacy`: `X-RateLimit-*`; `both`; `false`: none; or a list of dialects,
   * `['draft-7', 'legacy']`, with at most one of `draft-11`, `draft-7` and `draft-6`. Default: `standard`.
   */
  readonly headers?: HeaderStyle;
  /** The body of a 429: in Nest's form, or as problem details (RFC 9457). Default: `nest`. */
  readonly errors?: ErrorStyle;
  /** The message of denied calls, for policies without a `message` of their own. */
  readonly message?: MessageOption;
  /** Called for denied calls, for policies without an `onDenied` of their own. */
  readonly onDenied?: OnDenied;
  /**
   * Milliseconds, at least 1, that a function of yours may take to answer: `by`, `cost`, `rate`, `skip`, `mode`, `anchor`, `message`,
   * `onDenied`, `plans.of`, and a backend of your own. A call for which one takes longer is rejected with 503, and the log names
   * the function and its policy. Answers that are no promises are not measured. Default: 5000.
   */
  readonly functionTimeoutMs?: number;
  /**
   * Tells denied clients to retry up to this share of their wait later, 0 to 1, so that those who were denied at once do not return at
   * once: with 0.1, after a wait of 60 s, in one of 6 seconds. Never earlier. It is in `Retry-After`, in the body and its message, and in
   * `rate_limit` messages; the `RateLimit` fields and decisions stay exact. Default: 0, the exact wait.
   */
  readonly retryJitter?: RetryJitterOption;
  /** Bits of an IPv6 address that identify a network, 1 to 128. Default: 64. */
  readonly ipv6Prefix?: number;
  /** Options of all WebSocket gateways. */
  readonly sockets?: SocketOptions;
}

/** Options of the sockets of all gateways. All are optional; the two limits may be left out, but not be `undefined`. */
export interface SocketOptions {
  /**
   * Limits new connections by address. Those over the limit are refused at the handshake: with HTTP 429 on ws, with a
   * `connect_error` that holds the payload on socket.io. It is one budget of the application; a gateway may have its
   * own, `@Throttle({ connections: "10/min" })`. Default: no limit.
   */
  readonly connections?: Limit;
  /**
   * Limits the frames of a connection before they are read, whether a handler takes them or not; on socket.io, events.
   * Default: no limit.
   */
  readonly frames?: Limit;
  /** Consecutive denied messages that close a connection (1008, or `disconnect(true)`), at least 1. Default: never. */
  readonly closeAfter?: number;
  /** Milliseconds between `rate_limit` messages to one connection, at least 0. Default: 1000. */
  readonly noticeEveryMs?: number;
  /** Messages of one connection that may await a decision, at least 1. More are denied at once. Default: 32. */
  readonly maxPending?: number;
  /**
   * The proxies whose forwarding header on an upgrade request is believed: `true`, `false`, a number of hops, addresses
   * and networks, or a function of an address and its hop. Default: those that the HTTP application trusts.
   */
  readonly trustProxy?: TrustProxy;
}

/** Options of the module itself, for `forRoot` and `forRootAsync` alike. */
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
