import type { HeldUnits, OnError } from '../core/policy.js';
import type { RateText, TextOrElse } from '../core/rate.js';
import type { By, CallContext } from '../transports/call.js';
import type { MessageOption, OnDenied, PolicyOptions } from './policy-options.js';

/**
 * Options of a token budget, for costs that are known only after a call: `policies: { llm: { budget: '100000/min' } }`.
 * Reserve its units with `throttle.budget('llm')`. `strategy`, `by`, `scope` and `onError` may be omitted, but neither
 * they nor `budget` may be `undefined`.
 *
 * @example
 * const llm: BudgetOptions = { budget: '100000/min', by: by.user(), unit: 'tokens' };
 */
export interface BudgetOptions {
  /** The units per window: one rate, `"<count>/<unit>"`. */
  readonly budget: RateText;
  /** `fixed-window` or `calendar`. Default: `fixed-window`; a month or a year implies `calendar`. */
  readonly strategy?: 'fixed-window' | 'calendar';
  /** Whose units are reserved. Default: on sockets the connection, elsewhere the address. */
  readonly by?: By;
  /** Where the budget is shared. Default: `app`, in the whole application. */
  readonly scope?: 'app' | { readonly group: string };
  /**
   * `charge`: the units of a hold that expires are charged. `release`: they are freed. Default: `charge`.
   */
  readonly onExpiry?: HeldUnits['onExpiry'] | undefined;
  /**
   * If true, units settled above the limit of a window are taken from the next window, up to its limit. Default: false,
   * such units are dropped.
   */
  readonly carryDebt?: boolean | undefined;
  /** See `PolicyOptions`. */
  readonly timeZone?: string | undefined;
  /** See `PolicyOptions`. It cannot be a function, because a hold is settled without its call. */
  readonly anchor?: Date | undefined;
  /** See `PolicyOptions`. */
  readonly rollover?: number | undefined;
  /** The unit that is counted, written as `qu` in `RateLimit-Policy`, such as `tokens`. Default: no `qu`. */
  readonly unit?: string;
  /** If false, no header shows the decisions of the budget. Default: true. */
  readonly headers?: boolean;
  /** What to do while a remote backend is unavailable. Default: the module's `onError`. */
  readonly onError?: OnError;
  readonly message?: MessageOption;
  readonly onDenied?: OnDenied;
  /** Passed to the functions above as `call.context`. */
  readonly context?: CallContext;
  /** Distinguishes options from strings for the compiler. */
  readonly [Symbol.iterator]?: undefined;
}

/**
 * A policy in the module's options: a limit, or a token budget. It is not a union of the two, because TypeScript 5.0
 * would not infer the parameters of functions; options that do not belong together are refused at startup.
 */
export type ModulePolicy =
  | TextOrElse
  | (PolicyOptions & Partial<Pick<BudgetOptions, 'budget' | 'onExpiry' | 'carryDebt'>>);

/** The options that only a budget has. */
export const BUDGET_ONLY_MEMBERS = ['budget', 'onExpiry', 'carryDebt'] as const;

/** All options of a token budget. */
export const BUDGET_MEMBERS: readonly string[] = [
  ...BUDGET_ONLY_MEMBERS,
  'strategy',
  'by',
  'scope',
  'timeZone',
  'anchor',
  'rollover',
  'unit',
  'headers',
  'onError',
  'message',
  'onDenied',
  'context',
];
