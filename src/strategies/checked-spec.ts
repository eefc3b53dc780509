import type { CheckedOptions, IsOptional, IsWritten } from '../core/literals/checked-options.js';
import type { CheckedName } from '../core/literals/policy-name.js';
import type { CheckedRate } from '../core/literals/rate-literal.js';
import type { BuiltinStrategy } from './built-in-strategies.js';

/**
 * The names of the application's own strategies. Declare a name here to write it as a string literal. `coinFlip.name`,
 * where `coinFlip` was returned by `defineStrategy`, needs no declaration.
 *
 * @example
 * declare module 'nestjs-sluice' {
 *   interface StrategyNames { 'coin-flip': true }
 * }
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications add the members.
export interface StrategyNames {}

/** The name of a strategy of the package, or one of those in `StrategyNames`. */
export type StrategyName = BuiltinStrategy | (keyof StrategyNames & string);

/** The type of a rate or of the options of a policy. `Options` has all options. */
export type CheckedSpec<Spec, Options> = Spec extends string
  ? CheckedRate<Spec>
  : CheckedOptions<Spec, Options, { [Option in keyof Spec]: CheckedSpecOption<Spec, Option> }>;

/**
 * The type of an option of a policy. If the strategy is a literal, an option that it does not have is a compile error.
 *
 * @typeParam Strategy the strategy of the policy, if it is not in `Spec`
 */
export type CheckedSpecOption<Spec, Option extends keyof Spec, Strategy = StrategyOf<Spec>> = Option extends 'rate'
  ? CheckedRate<Spec[Option]>
  : Option extends 'strategy'
    ? CheckedName<Spec[Option], StrategyName>
    : Option extends keyof StrategiesWith
      ? IsOptional<Spec, Option> extends true
        ? Spec[Option]
        : [IsOtherStrategy<Strategy, Option>] extends [true]
          ? `${Strategy & BuiltinStrategy} has no ${Option}`
          : Option extends UnitOption
            ? CheckedUnits<Spec[Option]>
            : Spec[Option]
      : Option extends 'cost'
        ? CheckedUnits<Spec[Option]>
        : Spec[Option];

/**
 * The type of a number of units. A literal must be a whole number of at least 1. In options, TypeScript infers the
 * literal from 5.3 on.
 */
export type CheckedUnits<Units> = [IsNoCount<Units>] extends [true] ? 'a whole number, at least 1' : Units;

type IsNoCount<Units> = [Units] extends [number]
  ? [number] extends [Units]
    ? false
    : [`${Units}`] extends ['0' | `-${string}` | `${string}.${string}`]
      ? true
      : false
  : false;

/** True for a built-in strategy that does not have the option. */
type IsOtherStrategy<Strategy, Option extends keyof StrategiesWith> =
  IsWritten<Strategy> extends true
    ? [Strategy] extends [Exclude<BuiltinStrategy, StrategiesWith[Option]>]
      ? true
      : false
    : false;

/** Options whose values are numbers of units, at least 1. */
type UnitOption = 'burst' | 'segments';

/** The built-in strategies that have an option, by option. */
interface StrategiesWith {
  readonly burst: 'token-bucket' | 'gcra' | 'leaky-bucket';
  readonly segments: 'sliding-window';
  readonly lease: 'fixed-window';
  readonly timeZone: 'calendar';
  readonly anchor: 'calendar';
  readonly rollover: 'calendar';
  readonly thresholds: 'calendar';
}

/**
 * The strategy in the options of a policy; if there is none, the one that the rate implies, or `Default`. For an array
 * of policies it is unknown: `string`.
 */
export type StrategyOf<Spec, Default = 'sliding-window'> = Spec extends readonly unknown[]
  ? string
  : Spec extends string
    ? ImpliedStrategy<Spec, Default>
    : 'strategy' extends keyof Spec
      ? Spec['strategy']
      : 'rate' extends keyof Spec
        ? ImpliedStrategy<Spec['rate'], Default>
        : Default;

/** A month or a year implies `calendar`. A rate that is not a literal may imply either strategy. */
type ImpliedStrategy<Rate, Default> = Rate extends string
  ? IsWritten<Rate> extends true
    ? Lowercase<Rate> extends `${string}${'month' | 'year'}${string}`
      ? 'calendar'
      : Default
    : Default | 'calendar'
  : Default;
