import type { FactoryProvider } from '@nestjs/common';
import type { Checked, CheckedOptions } from '../core/literals/checked-options.js';
import type { AreNamesDeclared, PolicyName } from '../core/literals/policy-name.js';
import type { CheckedLimit, CheckedLimits } from '../decorators/checked-limit.js';
import type { ASYNC_OPTIONS_TYPE, OPTIONS_TYPE } from './throttle-module.definition.js';
import type { SocketOptions, ThrottleFeatureOptions, ThrottleModuleOptions } from './throttle-module.options.js';

/** The type of the argument of `forRoot`. */
export type CheckedRootOptions<Options> = CheckedModuleOptions<Options, typeof OPTIONS_TYPE>;

/** The type of the argument of `forRootAsync`; `Result` is that of what its factory returns. */
export type CheckedAsyncOptions<Result> = Omit<typeof ASYNC_OPTIONS_TYPE, 'useFactory'> & {
  useFactory?: (...args: Parameters<FactoryProvider['useFactory']>) => Checked<Result, CheckedResult<Result>>;
};

/** Of each branch of a factory. */
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

/** Policies by name. If names are declared, these alone may be written. */
type CheckedPolicies<Policies> = Checked<
  Policies,
  Policies extends object
    ? string extends keyof Policies
      ? Policies
      : CheckedOptions<
          Policies,
          AreNamesDeclared extends true ? Record<PolicyName, unknown> : Policies,
          { [Name in keyof Policies]: CheckedLimit<Policies[Name]> }
        >
    : Policies
>;
