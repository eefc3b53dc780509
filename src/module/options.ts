import type { Backend } from '../backends/backend.js';
import type { FailureMode } from '../core/policy.js';
import type { Limit, MessageOption, OnDenied, Skip } from '../decorators/policy-options.js';
import type { Strategy } from '../strategies/strategy.js';
import type { ErrorStyle } from '../transports/http-denial.js';
import type { HeaderStyle } from '../transports/http-headers.js';

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
