import type { Checked, CheckedOptions } from '../core/literals/checked-options.js';
import type { CheckedName, CheckedRateOrName, LimitName } from '../core/literals/policy-name.js';
import type { CheckedRate } from '../core/literals/rate-literal.js';
import type { CheckedSpecOption, CheckedUnits, StrategyOf } from '../strategies/checked-spec.js';
import type { BudgetOptions } from './budget-options.js';
import type { GatewayOptions, PolicyOptions } from './policy-options.js';

/**
 * The type of a limit of the module: a rate, or options. Strings come first, because `string & {}` extends `object`,
 * too.
 */
export type CheckedLimit<Limit> = Checked<
  Limit,
  Limit extends string ? CheckedRate<Limit> : CheckedEntry<Limit, PolicyOptions>
>;

/** The type of a policy of the module: a limit, or a token budget. */
export type CheckedPolicy<Policy> = Checked<
  Policy,
  Policy extends { readonly budget: unknown }
    ? CheckedOptions<
        Policy,
        BudgetOptions,
        { [Option in keyof Policy]: Option extends 'budget' ? CheckedRate<Policy[Option]> : Policy[Option] }
      >
    : CheckedLimit<Policy>
>;

/** The type of a limit of the module, or an array of them. */
export type CheckedLimits<Limits> = Checked<
  Limits,
  Limits extends readonly unknown[]
    ? { readonly [Index in keyof Limits]: CheckedLimit<Limits[Index]> }
    : CheckedLimit<Limits>
>;

/** The type of the first argument of `@Throttle`; `More` is the type of the second. */
export type CheckedWhat<What, More = unknown> = What extends readonly unknown[]
  ? CheckedList<What, More>
  : CheckedOne<What, More>;

type CheckedList<List, More> = { readonly [Index in keyof List]: CheckedOne<List[Index], More> };

type CheckedOne<One, More> = Checked<
  One,
  One extends string
    ? CheckedRateOrName<One>
    : One extends readonly unknown[]
      ? // An array of unknown length may contain arrays of its own type, recursively.
        number extends One['length']
        ? One
        : CheckedList<One, More>
      : CheckedEntry<One, AnyOptions, StrategyOf<More, StrategyOf<One>>>
>;

/** The type of the second argument of `@Throttle`; `What` is the type of the first. */
export type CheckedMore<More, What> = More extends number
  ? CheckedUnits<More>
  : More extends (...args: never) => unknown
    ? More
    : CheckedEntry<More, AnyOptions, StrategyOf<More, StrategyOf<What>>>;

type AnyOptions = PolicyOptions & GatewayOptions;

type CheckedEntry<Entry, Options, Strategy = StrategyOf<Entry>> = Entry extends object
  ? CheckedOptions<
      Entry,
      Options,
      {
        [Option in keyof Entry]: Option extends 'name'
          ? CheckedName<Entry[Option], LimitName>
          : Option extends 'connections'
            ? CheckedLimit<Entry[Option]>
            : CheckedSpecOption<Entry, Option, Strategy>;
      }
    >
  : Entry;
