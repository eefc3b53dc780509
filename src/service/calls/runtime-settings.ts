import type { Backend } from '../../backends/backend.js';
import type { Clock } from '../../core/clock.js';
import type { OnError } from '../../core/policy.js';
import type { Limit, MessageOption, OnDenied, Skip } from '../../decorators/policy-options.js';
import type { Strategy } from '../../strategies/strategy.js';
import type { FunctionDeadlines } from '../../transports/functions/function-deadlines.js';
import type { HttpStyle } from '../../transports/http/http-call.js';
import type { Trusts } from '../../transports/identity/trust-proxy.js';
import type { RetryJitter } from '../../transports/retry-jitter.js';
import type { ConnectionRules } from '../../transports/sockets/socket-connection.js';

/** The settings of sockets. */
export interface SocketSettings extends ConnectionRules {
  /** New connections, unless their gateway has a limit of its own. */
  readonly connections: Limit | undefined;
  /** Frames of a connection, handled or not. */
  readonly frames: Limit | undefined;
  /** The trusted proxies; default: those that the HTTP application trusts. */
  readonly trusts: Trusts | undefined;
}

/** The module's options, validated and with their defaults. */
export interface RuntimeSettings extends HttpStyle {
  readonly backend: Backend;
  /** The clock by which delayed calls wait. */
  readonly clock: Clock;
  /** The built-in strategies, and the user's own. */
  readonly strategies: readonly Strategy[];
  /** All HTTP requests. */
  readonly requests: Limit | undefined;
  /** Whether stored changes to policies are followed from startup on. */
  readonly runtimePolicies: boolean;
  readonly skip: Skip | undefined;
  readonly message: MessageOption | undefined;
  readonly onDenied: OnDenied | undefined;
  /** Delays the retries of denied clients. Undefined: they are told the exact wait. */
  readonly retryJitter: RetryJitter | undefined;
  /** Bounds what functions of the application take to answer. */
  readonly deadlines: FunctionDeadlines;
  readonly ipv6Prefix: number;
  readonly sockets: SocketSettings;
  /** Returns the milliseconds until a backend that failed is called again. */
  readonly unavailableForMs: () => number;
  /** Calls, refunds and resets that failed at the backend, by the code of the error. */
  readonly failures: ReadonlyMap<string, number>;
  /** What decides while the backend is unavailable, for policies that say nothing else. */
  readonly onError: OnError;
  readonly log: (message: string) => void;
  readonly warn: (message: string) => void;
  /** Logs an error that no caller can receive. */
  readonly fail: (error: unknown) => void;
}
