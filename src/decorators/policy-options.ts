import type { Awaitable } from '../core/awaitable.js';
import type { Outcome } from '../core/decision.js';
import type { OnError, PolicyMode } from '../core/policy.js';
import type { RateText, TextOrElse } from '../core/rate.js';
import type { BlockOptions } from '../strategies/blocks/block-options.js';
import type { StrategyName } from '../strategies/checked-spec.js';
import type { By, Call, CallContext, CallResult, CostOf, ModeOf } from '../transports/call.js';
import type { ConcurrencyOptions } from './concurrency-options.js';

/** Which calls share a budget: those of a handler, of a class, of the application, or of a named group. */
export type ScopeOption = 'handler' | 'class' | 'app' | { readonly group: string };

/** The message of a denied call: a string, or a function that returns a string or (on HTTP) the whole body. */
export type MessageOption = string | ((call: Call, outcome: Outcome) => Awaitable<string | object>);

/** Called for a denied call before the response is sent. An exception that it throws becomes the response. */
export type OnDenied = (call: Call, outcome: Outcome) => Awaitable<void>;

/** Returns true to let a call pass uncharged. */
export type Skip = (call: Call) => Awaitable<boolean>;

/** When a limit is charged: by the guard, or after all guards, just before the handler. */
export type Phase = 'guard' | 'handler';

/**
 * Which calls stay charged. A call takes its cost when it begins. After it has ended, the charge is settled once:
 * `'success'` keeps the charges of successful calls, `'failure'` those of failed calls; all others are refunded. A
 * function decides for each call: true keeps the charge, false refunds it, and a number (a safe integer of at least 0)
 * replaces the cost. A higher cost is recorded in full, even above the limit.
 *
 * Over HTTP the response decides: a status of 400 or above is a failure, whether it comes from the handler, a pipe, a
 * filter or a later guard. On sockets a call has failed if its handler throws. A call stays charged if its client
 * aborts it, or if the function throws, rejects or returns any other value; such errors of the function are logged.
 *
 * @example
 * const wrongPasswords: ChargeWhen = ({ status }) => status === 401;
 * const rows: ChargeWhen = ({ value }) => (Array.isArray(value) ? value.length : true);
 */
export type ChargeWhen = 'success' | 'failure' | ((result: CallResult, call: Call) => Awaitable<boolean | number>);

/**
 * Options of one limit. It needs a rate, a concurrency, or both, which is checked at startup. `rate`, `concurrency`,
 * `strategy`, `burst`, `segments`, `cost`, `by`, `scope`, `onError`, `lease`, `block` and `chargeWhen` may be omitted,
 * but not be `undefined`: a value missing in a configuration would silently mean the default.
 */
export interface PolicyOptions {
  /** `"<count>/<unit>"` (see `parseRate`), or a function that returns one for each call. */
  readonly rate?: RateText | ((call: Call) => Awaitable<string>);
  /**
   * How many calls of a subject may run at a time: a number of permits, at least 1, or options. A call takes its
   * permits in the same decision as the rates, all or none, and gives them back when it has ended. In addition to a
   * rate it is a separate policy, named `<name>-concurrency` in headers and decisions. Cannot be combined with `lease`.
   * Default: any number.
   */
  readonly concurrency?: number | ConcurrencyOptions;
  /** The name: 1 to 64 letters, digits, `_`, `.` or `-`, starting with a letter. Default: `default`. */
  readonly name?: 'default' | (string & {});
  /** The name of a strategy; see `StrategyNames` for those of the application. Default: `sliding-window`. */
  readonly strategy?: StrategyName | (string & {});
  /** Units that a bucket holds, at least 1; for bucket strategies only. Default: the limit; for `gcra` 1. */
  readonly burst?: number;
  /**
   * Counters of a `sliding-window`: 1 to 1000, a divisor of the period. Default: the largest divisor of the period up
   * to 10.
   */
  readonly segments?: number;
  /**
   * Units that a call costs: a whole number of at least 1, or a function that returns a whole number of at least 0.
   * Default: 1.
   */
  readonly cost?: number | CostOf;
  /** Who is charged. Default: on sockets the connection, elsewhere the address. */
  readonly by?: By;
  /** Which calls share the budget. Default: where the limit is declared: `handler`, `class`, or `app` in the module. */
  readonly scope?: ScopeOption;
  /**
   * The name of the budget, for limits with the scope `handler` or `class`. It replaces the address of the handler or
   * class, so that the budget stays the same when a route moves. Limits with the same name and id share one budget.
   * Default: the smallest address, such as `GET /reports`.
   */
  readonly id?: string;
  /** If true, the guard does not charge this limit; `ThrottleService.hit()` in the handler does. Default: false. */
  readonly manual?: boolean;
  /**
   * When the limit is charged, on HTTP. `handler`: after all guards, so that `by`, `cost`, `rate` and `skip` see values
   * that later guards set. Default: `guard`, but a limit by user is deferred to the handler phase if the guard finds no
   * user. On sockets every limit is charged after the guards.
   */
  readonly phase?: Phase;
  /**
   * `on` enforces the limit, `monitor` counts and reports without denying, `off` does nothing. A function is called for
   * each call; if it returns any other value, the call fails. Default: the module's `mode`, or `on`.
   */
  readonly mode?: PolicyMode | ModeOf;
  /**
   * Settles the charge of a call when it has ended: see `ChargeWhen`. Cannot be combined with `lease`, nor used in
   * limits of all requests, connections or frames. Default: every call is charged, however it ends.
   */
  readonly chargeWhen?: ChargeWhen;
  readonly skip?: Skip;
  /** What to do while a remote backend is unavailable. Default: the module's `onError`. */
  readonly onError?: OnError;
  /** The time zone of a `calendar` quota, an IANA name such as `Europe/Berlin`. Default: `UTC`. */
  readonly timeZone?: string | undefined;
  /**
   * An instant at which a window of a `calendar` quota begins, such as the start of a subscription; or a function that
   * returns it for each call, or `undefined` for none. Window k begins k hours, days, weeks, months or years after it.
   * See `PolicySpec`. Default: windows begin with the units of the calendar.
   */
  readonly anchor?: Date | ((call: Call) => Awaitable<Date | undefined>) | undefined;
  /**
   * The maximum number of unused units that a `calendar` quota carries into the next window: 0 up to the limit.
   * Default: 0.
   */
  readonly rollover?: number | undefined;
  /**
   * Shares of the limit of a `calendar` quota, above 0 and at most 1, at which a `threshold` event is emitted, once per
   * window and subject. Default: none.
   */
  readonly thresholds?: readonly number[] | undefined;
  /**
   * Takes units from Redis in batches of at least `batch`, 1 to the limit; for `fixed-window` only. See `PolicySpec`.
   */
  readonly lease?: { readonly batch: number };
  /**
   * Blocks a subject for a time after denials: `{ for: '5m' }`; see `BlockOptions`. With `true`, subjects are blocked
   * by hand only (`throttle.blocks`). Default: no blocks.
   */
  readonly block?: true | BlockOptions;
  /**
   * The unit that is counted, written as `qu` in `RateLimit-Policy`, such as `content-bytes`: 1 to 64 ASCII characters
   * without quotes and backslashes. Default: no `qu`, which means requests.
   */
  readonly unit?: string;
  /** If false, no header shows the limit's decisions; a denied call still gets `Retry-After`. Default: true. */
  readonly headers?: boolean;
  /**
   * Whose overrides apply, that is rates set at run time for single subjects by `throttle.overrides`: `true` for those
   * of the charged subject, or functions that return other subjects of a call, most specific first. Only for policies
   * of the module with one rate. Default: no overrides.
   */
  readonly overrides?: true | By | readonly By[];
  readonly message?: MessageOption;
  readonly onDenied?: OnDenied;
  /** Passed to the functions above as `call.context`. */
  readonly context?: CallContext;
  /** Distinguishes options from strings, which also have a member `anchor`, for the compiler. */
  readonly [Symbol.iterator]?: undefined;
}

/** A limit in the module's options: a rate, or options. */
export type Limit = TextOrElse | PolicyOptions;

/** Options of a gateway, for `@Throttle` on its class. */
export interface GatewayOptions {
  /** Limits new connections by address, at the handshake. Default: the module's `sockets.connections`. */
  readonly connections: Limit;
}

/** Options in addition to a rate or the name of a policy. */
export type MoreOptions = Partial<PolicyOptions> & Partial<GatewayOptions>;

/** A rate, the name of a policy, options, or an array of these. */
export type What = TextOrElse | PolicyOptions | GatewayOptions | readonly What[];

/**
 * The options that may be given with the name of a policy. They change how its budget is used; all others define it.
 */
export const USE_MEMBERS = [
  'cost',
  'by',
  'id',
  'manual',
  'phase',
  'mode',
  'chargeWhen',
  'skip',
  'headers',
  'message',
  'onDenied',
  'context',
] as const;

/**
 * The options that define a rate or how it is charged. They have no meaning for a limit that has only a concurrency.
 */
export const RATE_MEMBERS = [
  'strategy',
  'burst',
  'segments',
  'lease',
  'block',
  'overrides',
  'timeZone',
  'anchor',
  'rollover',
  'thresholds',
  'cost',
  'chargeWhen',
] as const;

/** All options of a policy. */
export const POLICY_MEMBERS: readonly string[] = [
  'rate',
  'concurrency',
  'name',
  'scope',
  'unit',
  'onError',
  ...RATE_MEMBERS.filter((member) => !isUseMember(member)),
  ...USE_MEMBERS,
];

function isUseMember(member: string): boolean {
  return USE_MEMBERS.some((known) => known === member);
}
