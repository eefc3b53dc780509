import type { FactoryProvider } from '@nestjs/common';
import type { Checked, CheckedOptions } from '../core/literals/checked-options.js';
import type { AreNamesDeclared, CheckedName, LimitName, PolicyName } from '../core/literals/policy-name.js';
import type { CheckedRate } from '../core/literals/rate-literal.js';
import type { CheckedLimit, CheckedLimits, CheckedPolicy } from '../decorators/checked-limit.js';
import type { PlanOptions, TierOptions } from '../planning/plans/plan-options.js';
import type { CheckedUnits } from '../strategies/checked-spec.js';
import type { ASYNC_OPTIONS_TYPE, OPTIONS_TYPE } from './throttle-module.definition.js';
import type { SocketOptions, ThrottleFeatureOptions, ThrottleModuleOptions } from './throttle-module.options.js';

/** The type of the argument of `forRoot`. */
export type CheckedRootOptions<Options> = CheckedModuleOptions<Options, typeof OPTIONS_TYPE>;

/** The type of the argument of `forRootAsync`; `Result` is the result type of its factory. */
export type CheckedAsyncOptions<Result> = Omit<typeof ASYNC_OPTIONS_TYPE, 'useFactory'> & {
  useFactory?: (...args: Parameters<FactoryProvider['useFactory']>) => Checked<Result, CheckedResult<Result>>;
};

/** Checks each type of a factory's result separately. */
type CheckedResult<Result> =
  Result extends PromiseLike<infer Options> ? Promise<CheckedResultOptions<Options>> : CheckedResultOptions<Result>;

type CheckedResultOptions<Options> = Checked<
  Options,
  Options extends object ? CheckedModuleOptions<Options, ThrottleModuleOptions> : never
>;

/** The type of the argument of `forFeature`. */
export type CheckedFeatureOptions<Options> = CheckedOptions<
  Options,
  ThrottleFeatureOptions,
  { [Option in keyof Options]: Option extends 'policies' ? CheckedPolicies<Options[Option]> : Options[Option] }
>;

type CheckedModuleOptions<Options, Known> = CheckedOptions<
  Options,
  Known,
  {
    [Option in keyof Options]: Option extends 'default'
      ? CheckedLimits<Options[Option]>
      : Option extends 'policies'
        ? CheckedPolicies<Options[Option]>
        : Option extends 'plans'
          ? CheckedPlans<Options[Option]>
          : Option extends 'requests'
            ? CheckedLimit<Options[Option]>
            : Option extends 'sockets'
              ? CheckedSocketOptions<Options[Option]>
              : Options[Option];
  }
>;

type CheckedSocketOptions<Options> = Checked<
  Options,
  Options extends object
    ? CheckedOptions<
        Options,
        SocketOptions,
        {
          [Option in keyof Options]: Option extends 'connections' | 'frames'
            ? CheckedLimit<Options[Option]>
            : Options[Option];
        }
      >
    : Options
>;

/** Policies by name. If names are declared, only these are allowed. */
type CheckedPolicies<Policies> = Checked<
  Policies,
  Policies extends object
    ? string extends keyof Policies
      ? Policies
      : CheckedOptions<
          Policies,
          AreNamesDeclared extends true ? Record<PolicyName, unknown> : Policies,
          { [Name in keyof Policies]: CheckedPolicy<Policies[Name]> }
        >
    : Policies
>;

/** Plans. The default must be one of the written plans, and tiers may only name declared policies. */
type CheckedPlans<Plans> = Checked<
  Plans,
  Plans extends object
    ? CheckedOptions<
        Plans,
        PlanOptions,
        {
          [Option in keyof Plans]: Option extends 'tiers'
            ? CheckedTiers<Plans[Option]>
            : Option extends 'default'
              ? CheckedName<Plans[Option], NamesIn<Plans>>
              : Plans[Option];
        }
      >
    : Plans
>;

type NamesIn<Plans> = Plans extends { readonly tiers: infer Tiers } ? keyof Tiers & string : string;

type CheckedTiers<Tiers> = Checked<
  Tiers,
  Tiers extends object
    ? string extends keyof Tiers
      ? Tiers
      : { readonly [Plan in keyof Tiers]: CheckedTier<Tiers[Plan]> }
    : Tiers
>;

type CheckedTier<Tier> = Checked<
  Tier,
  Tier extends object
    ? string extends keyof Tier
      ? Tier
      : CheckedOptions<
          Tier,
          AreNamesDeclared extends true ? Record<LimitName, unknown> : Tier,
          { [Name in keyof Tier]: CheckedTierEntry<Tier[Name]> }
        >
    : Tier
>;

type CheckedTierEntry<Entry> = Checked<
  Entry,
  Entry extends string
    ? CheckedRate<Entry>
    : Entry extends object
      ? CheckedOptions<
          Entry,
          TierOptions,
          {
            [Option in keyof Entry]: Option extends 'rate'
              ? CheckedRate<Entry[Option]>
              : Option extends 'burst'
                ? CheckedUnits<Entry[Option]>
                : Entry[Option];
          }
        >
      : Entry
>;
