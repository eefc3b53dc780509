import type { Backend } from '../backends/backend.js';
import type { FailureMode } from '../core/policy.js';
import type { Limit, MessageOption, OnDenied, Skip } from '../decorators/policy-options.js';
import type { Strategy } from '../strategies/strategy.js';
import type { ErrorStyle } from '../transports/http/denial-exception.js';
import type { HeaderStyle } from '../transports/http/rate-limit-headers.js';
import type { TrustProxy } from '../transports/identity/trust-proxy.js';

/** What the whole application has in common. Everything has a default. */
export interface ThrottleModuleOptions {
  /** Where state lives. Default: `new MemoryBackend()`. */
  readonly backend?: Backend;
  /** Strategies of your own, as `defineStrategy` returns them. */
  readonly strategies?: readonly Strategy[];
  /** Policies by name: each one budget of the application, under whichever handler its name is used. */
  readonly policies?: Readonly<Record<string, Limit>>;
  /** For every handler that says nothing else: one budget of the application. Default: none. */
  readonly default?: Limit | readonly Limit[];
  /** Lets calls pass uncharged. Default: none. */
  readonly skip?: Skip;
  /** What answers when a remote backend fails: the same limits in this process, a pass, or 503. Default: `local`. */
  readonly onError?: FailureMode;
  /** `standard`: the RateLimit fields; `legacy`: X-RateLimit-*; `both`; or `false`. Default: `standard`. */
  readonly headers?: HeaderStyle;
  /** How a 429 is written: as Nest does, or as problem details (RFC 9457). Default: `nest`. */
  readonly errors?: ErrorStyle;
  /** What denied calls are told, where a policy says nothing else. */
  readonly message?: MessageOption;
  /** Told of denied calls, where a policy has no such function of its own. */
  readonly onDenied?: OnDenied;
  /** Bits of an IPv6 address that tell networks apart, 1 to 128. Default: 64. */
  readonly ipv6Prefix?: number;
  /** What all WebSocket gateways have in common. */
  readonly sockets?: SocketOptions;
}

/** What is said of the sockets of all gateways. Everything has a default. */
export interface SocketOptions {
  /**
   * New connections, by address, refused at the handshake: HTTP 429 on ws, a `connect_error` with the payload on
   * socket.io. One budget of the application; a gateway may have its own, `@Throttle({ connections: "10/min" })`.
   * Default: none.
   */
  readonly connections?: Limit;
  /** Frames of a connection, with a handler or without, before they are read; on socket.io, events. Default: none. */
  readonly frames?: Limit;
  /** Denied messages in a row at which a connection is closed (1008, or `disconnect(true)`), at least 1. Default: never. */
  readonly closeAfter?: number;
  /** Milliseconds between `rate_limit` messages to one connection, at least 0. Default: 1000. */
  readonly noticeEveryMs?: number;
  /** Messages of one connection that may await a decision, at least 1; those beyond are denied at once. Default: 32. */
  readonly maxPending?: number;
  /**
   * Which proxies are believed when an upgrade request is forwarded: `true`, `false`, a number of hops, addresses and
   * networks, or a function of an address and its hop. Default: what the HTTP application trusts.
   */
  readonly trustProxy?: TrustProxy;
}

/** What is said beside the options, in `forRoot` and `forRootAsync` alike. */
export interface ThrottleModuleExtras {
  /** Whether the module binds ThrottleGuard for all handlers. Default: true. */
  readonly guard?: boolean;
  /** Whether ThrottleService is there for all modules. Default: true. */
  readonly isGlobal?: boolean;
}

/** What `forFeature` takes. */
export interface ThrottleFeatureOptions {
  readonly policies: Readonly<Record<string, Limit>>;
}
