import type { CheckedOptions, IsOptional, IsWritten } from '../core/literals/checked-options.js';
import type { CheckedName } from '../core/literals/policy-name.js';
import type { CheckedRate } from '../core/literals/rate-literal.js';
import type { BuiltinStrategy } from './built-in-strategies.js';

/**
 * The names of the application's own strategies. Declare the name of a strategy to write it as a string; `coinFlip.name`, of
 * what `defineStrategy` returned, needs no declaration.
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

/** The type of a rate or of options of a policy; `Options` are all that there are. */
export type CheckedSpec<Spec, Options> = Spec extends string
  ? CheckedRate<Spec>
  : CheckedOptions<Spec, Options, { [Option in keyof Spec]: CheckedSpecOption<Spec, Option> }>;

/**
 * The type of an option of a policy. An option that the strategy does not have is refused if the strategy is written in the
 * code.
 *
 * @typeParam Strategy that of the policy, if another object has it
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
 * The type of a number of units: one that is written in the code is a whole number, at least 1. In options, TypeScript knows the
 * number that is written from 5.3 on.
 */
export type CheckedUnits<Units> = [IsNoCount<Units>] extends [true] ? 'a whole number, at least 1' : Units;

type IsNoCount<Units> = [Units] extends [number]
  ? [number] extends [Units]
    ? false
    : [`${Units}`] extends ['0' | `-${string}` | `${string}.${string}`]
      ? true
      : false
  : false;

/** True for strategies of the package that do not have an option. */
type IsOtherStrategy<Strategy, Option extends keyof StrategiesWith> =
  IsWritten<Strategy> extends true
    ? [Strategy] extends [Exclude<BuiltinStrategy, StrategiesWith[Option]>]
      ? true
      : false
    : false;

/** Options that are numbers of units, at least 1. */
type UnitOption = 'burst' | 'segments';

/** The strategies of the package that have an option. */
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
 * The strategy of a rate or in the options of a policy; without one, `Default`, or that which the rate implies. Unknown, a `string`,
 * for a list of policies.
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

/** A month or a year implies `calendar`. A rate that is not written in the code may be either. */
type ImpliedStrategy<Rate, Default> = Rate extends string
  ? IsWritten<Rate> extends true
    ? Lowercase<Rate> extends `${string}${'month' | 'year'}${string}`
      ? 'calendar'
      : Default
    : Default | 'calendar'
  : Default;
