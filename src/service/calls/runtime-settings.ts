import type { Backend } from '../../backends/backend.js';
import type { Clock } from '../../core/clock.js';
import type { Limit, MessageOption, OnDenied, Skip } from '../../decorators/policy-options.js';
import type { Strategy } from '../../strategies/strategy.js';
import type { HttpStyle } from '../../transports/http/detached-call.js';
import type { Trusts } from '../../transports/identity/trust-proxy.js';
import type { ConnectionRules } from '../../transports/sockets/socket-connection.js';

/** What sockets have in common. */
export interface SocketSettings extends ConnectionRules {
  /** New connections, where their gateway says nothing else. */
  readonly connections: Limit | undefined;
  /** Frames of a connection, handled or not. */
  readonly frames: Limit | undefined;
  /** Which proxies are believed; where it is left out, those that the HTTP application trusts. */
  readonly trusts: Trusts | undefined;
}

/** The module's options, validated and with their defaults: what all calls have in common. */
export interface RuntimeSettings extends HttpStyle {
  readonly backend: Backend;
  /** By which held calls wait. */
  readonly clock: Clock;
  /** Those that come with the package, and the user's own. */
  readonly strategies: readonly Strategy[];
  readonly skip: Skip | undefined;
  readonly message: MessageOption | undefined;
  readonly onDenied: OnDenied | undefined;
  readonly ipv6Prefix: number;
  readonly sockets: SocketSettings;
  /** Milliseconds until a backend that failed is asked again. */
  readonly unavailableForMs: () => number;
  readonly warn: (message: string) => void;
  /** Logs an error that nobody is above to answer. */
  readonly fail: (error: unknown) => void;
}
