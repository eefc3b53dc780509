import type { Backend } from '../backends/backend.js';
import type { Clock } from '../core/clock.js';
import type { MessageOption, OnDenied, Skip } from '../decorators/policy-options.js';
import type { Strategy } from '../strategies/strategy.js';
import type { ErrorStyle } from '../transports/http-denial.js';
import type { HeaderStyle } from '../transports/http-headers.js';

/** The module's options, validated and with their defaults: what all calls have in common. */
export interface Settings {
  readonly backend: Backend;
  /** By which held calls wait. */
  readonly clock: Clock;
  /** Those that come with the package, and the user's own. */
  readonly strategies: readonly Strategy[];
  readonly skip: Skip | undefined;
  readonly message: MessageOption | undefined;
  readonly onDenied: OnDenied | undefined;
  readonly headers: HeaderStyle;
  readonly errors: ErrorStyle;
  readonly ipv6Prefix: number;
  /** Milliseconds until a backend that failed is asked again. */
  readonly unavailableForMs: () => number;
  readonly warn: (message: string) => void;
}
