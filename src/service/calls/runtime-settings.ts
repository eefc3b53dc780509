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
  /** The limit of new connections, unless their gateway declares one. */
  readonly connections: Limit | undefined;
  /** The limit of a connection's frames, handled or not. */
  readonly frames: Limit | undefined;
  /** The trusted proxies; default: those that the HTTP application trusts. */
  readonly trusts: Trusts | undefined;
}

/** The module's options, validated and with their defaults. */
export interface RuntimeSettings extends HttpStyle {
  readonly backend: Backend;
  /** The clock for delays of calls. */
  readonly clock: Clock;
  /** The built-in strategies and those of the user. */
  readonly strategies: readonly Strategy[];
  /** The limit of all HTTP requests. */
  readonly requests: Limit | undefined;
  /** True to follow stored changes to policies from startup on. */
  readonly runtimePolicies: boolean;
  readonly skip: Skip | undefined;
  readonly message: MessageOption | undefined;
  readonly onDenied: OnDenied | undefined;
  /** Delays the retries of denied clients. Undefined: the exact wait is announced. */
  readonly retryJitter: RetryJitter | undefined;
  /** Limits how long functions of the application may take. */
  readonly deadlines: FunctionDeadlines;
  readonly ipv6Prefix: number;
  readonly sockets: SocketSettings;
  /** Returns the milliseconds until a backend that failed is called again. */
  readonly unavailableForMs: () => number;
  /** The number of calls, refunds and resets that failed at the backend, by the code of the error. */
  readonly failures: ReadonlyMap<string, number>;
  /** The failure mode of policies that do not set one. */
  readonly onError: OnError;
  readonly log: (message: string) => void;
  readonly warn: (message: string) => void;
  /** Logs an error that no caller can receive. */
  readonly fail: (error: unknown) => void;
}
