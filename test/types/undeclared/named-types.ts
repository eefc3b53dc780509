// A type that is computed from the parameter of a generic function has to be named. With `exactOptionalPropertyTypes`, TypeScript
// does not know such a type to be the options at all.
import {
  type MoreOptions,
  type PolicyOptions,
  Throttle,
  ThrottleModule,
  type ThrottleModuleOptions,
} from 'nestjs-sluice';

export const named = [
  <Options extends MoreOptions>(more: Partial<Options>) => Throttle<string, MoreOptions>('search', more),
  <Options extends PolicyOptions>(options: Omit<Options, 'rate'>) =>
    Throttle<PolicyOptions>({ ...options, rate: '5/min' }),
  <Rates extends readonly string[]>(...rates: Rates) => Throttle<readonly string[]>([...rates, '5/min']),
  <Options extends ThrottleModuleOptions>(options: Partial<Options>) =>
    ThrottleModule.forRoot<ThrottleModuleOptions>(options),
  <Options extends ThrottleModuleOptions>(options: Options) =>
    ThrottleModule.forRootAsync<ThrottleModuleOptions>({ useFactory: () => options }),
];
