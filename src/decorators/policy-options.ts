import type { Awaitable } from '../core/awaitable.js';
import type { Outcome } from '../core/decision.js';
import type { FailureMode } from '../core/policy.js';
import type { BuiltinStrategy } from '../strategies/built-in-strategies.js';
import type { By, Call, CallContext, CostOf } from '../transports/call.js';

/** Where a budget is shared. */
export type ScopeOption = 'handler' | 'class' | 'app' | { readonly group: string };

/** What a denied call is told: a text, or a function that gives a text or (on HTTP) the whole body. */
export type MessageOption = string | ((call: Call, outcome: Outcome) => Awaitable<string | object>);

/** Told of a denied call before it is answered; may throw an exception of its own, which then is the answer. */
export type OnDenied = (call: Call, outcome: Outcome) => Awaitable<void>;

/** Whether a call is let pass uncharged. */
export type Skip = (call: Call) => Awaitable<boolean>;

/** One limit. Everything but the rate has a default. */
export interface PolicyOptions {
  /** `"<count>/<unit>"` (see `parseRate`), or a function that answers with one for each call. */
  readonly rate: string | ((call: Call) => Awaitable<string>);
  /** 1 to 64 letters, digits, `_`, `.`, `-`, beginning with a letter. Limits without a name are called `default`. */
  readonly name?: string;
  /** A strategy's name. Default: `sliding-window`. */
  readonly strategy?: BuiltinStrategy | (string & {});
  /** Units that a bucket holds, at least 1. Default: the limit; for `gcra` 1. Buckets only. */
  readonly burst?: number;
  /** Counters of a `sliding-window`, 1 to 1000, dividing the period. Default: its largest divisor up to 10. */
  readonly segments?: number;
  /** Units that a call costs: a whole number of at least 1, or a function that gives one of at least 0. Default: 1. */
  readonly cost?: number | CostOf;
  /** Who is charged. Default: the connection on sockets, the address elsewhere. */
  readonly by?: By;
  /** Where the budget is shared. Default: where the limit is written (a method, a class, or, in the module, the application). */
  readonly scope?: ScopeOption;
  /** Charged by `ThrottleService.hit()` in the handler instead of by the guard. Default: false. */
  readonly manual?: boolean;
  readonly skip?: Skip;
  /** What answers when a remote backend fails. Default: what the module says. */
  readonly onError?: FailureMode;
  /** Units are taken from Redis in batches of at least so many, 1 up to the limit: see `PolicySpec`. `fixed-window` only. */
  readonly lease?: { readonly batch: number };
  readonly message?: MessageOption;
  readonly onDenied?: OnDenied;
  /** Given to the functions above as `call.context`. */
  readonly context?: CallContext;
}

/** A limit as the module takes it: a rate, or options. */
export type Limit = string | PolicyOptions;

/** What may be said of a gateway, on its class. */
export interface GatewayOptions {
  /** New connections, by address: those over the limit are refused at the handshake. Default: what the module says. */
  readonly connections: Limit;
}

/** What may be said beside a rate or a policy's name. */
export type MoreOptions = Partial<PolicyOptions> & Partial<GatewayOptions>;

/** A rate, a policy's name, options, or a list of these. */
export type What = string | PolicyOptions | GatewayOptions | readonly What[];

/** The options that say how a policy is used, and not which budget it is. */
export const USE_MEMBERS = ['cost', 'by', 'manual', 'skip', 'message', 'onDenied', 'context'] as const;

/** All options of a policy. */
export const POLICY_MEMBERS: readonly string[] = [
  'rate',
  'name',
  'strategy',
  'burst',
  'segments',
  'scope',
  'onError',
  'lease',
  ...USE_MEMBERS,
];
