import type { HeldUnits, OnError } from '../core/policy.js';
import type { RateText, TextOrElse } from '../core/rate.js';
import type { By, CallContext } from '../transports/call.js';
import type { MessageOption, OnDenied, PolicyOptions } from './policy-options.js';

/**
 * Options of a token budget, for costs that are known only afterwards: `policies: { llm: { budget: '100000/min' } }`. Units of it are
 * reserved by `throttle.budget('llm')`. `budget`, `strategy`, `by`, `scope` and `onError` may be left out where they are optional, but
 * not be `undefined`.
 *
 * @example
 * const llm: BudgetOptions = { budget: '100000/min', by: by.user(), unit: 'tokens' };
 */
export interface BudgetOptions {
  /** The units of a window, `"<count>/<unit>"`: one rate. */
  readonly budget: RateText;
  /** `fixed-window` or `calendar`. Default: `fixed-window`; a month or a year implies `calendar`. */
  readonly strategy?: 'fixed-window' | 'calendar';
  /** Whose units are reserved. Default: on sockets the connection, elsewhere the address. */
  readonly by?: By;
  /** Where the budget is shared. Default: by the application. */
  readonly scope?: 'app' | { readonly group: string };
  /** What becomes of the units of a hold that expires: they are charged, or free again. Default: `charge`. */
  readonly onExpiry?: HeldUnits['onExpiry'] | undefined;
  /**
   * Whether units that were settled above the limit of a window are taken from the next one, at most all of its limit. Default: false:
   * they are forgiven.
   */
  readonly carryDebt?: boolean | undefined;
  /** As in `PolicyOptions`. */
  readonly timeZone?: string | undefined;
  /** As in `PolicyOptions`; not a function, because a hold is settled without its call. */
  readonly anchor?: Date | undefined;
  /** As in `PolicyOptions`. */
  readonly rollover?: number | undefined;
  /** What is counted, written as `qu` in `RateLimit-Policy`, such as `tokens`. Default: none is written. */
  readonly unit?: string;
  /** If false, no header shows the decisions of the budget. Default: true. */
  readonly headers?: boolean;
  /** What to do while a remote backend is unavailable. Default: the module's `onError`. */
  readonly onError?: OnError;
  readonly message?: MessageOption;
  readonly onDenied?: OnDenied;
  /** Passed to the functions above as `call.context`. */
  readonly context?: CallContext;
  /** Tells options from strings. */
  readonly [Symbol.iterator]?: undefined;
}

/**
 * A policy in the module's options: a limit, or a token budget. Not a union of the two, through which TypeScript 5.0 infers no parameters
 * of functions; startup refuses what does not belong together.
 */
export type ModulePolicy =
  | TextOrElse
  | (PolicyOptions & Partial<Pick<BudgetOptions, 'budget' | 'onExpiry' | 'carryDebt'>>);

/** The options that a budget has, and a limit has not. */
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
