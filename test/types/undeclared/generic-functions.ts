// Generic functions that pass on what they take: the compiler does not know it, so it is accepted, and startup checks it.
import {
  by,
  definePolicy,
  type Limit,
  type MoreOptions,
  type PolicyOptions,
  parseRate,
  Throttle,
  ThrottleModule,
  type ThrottleModuleOptions,
} from 'nestjs-sluice';

export const throttles = [
  <Rate extends string>(rate: Rate) => Throttle(rate),
  <Rate extends string>(rate: Rate) => Throttle({ rate }),
  <Rate extends string>(rate: Rate) => Throttle([rate, '5/min']),
  <Rate extends string>(rate: Rate) => Throttle(rate, { by: by.ip() }),
  <Count extends number>(count: Count) => Throttle(`${count}/min`),
  <Count extends number>(count: Count) => Throttle({ rate: `${count}/min`, strategy: 'gcra', burst: count }),
  <Cost extends number>(cost: Cost) => Throttle('5/min', cost),
  <Name extends string>(name: Name) => Throttle({ rate: '5/min', name }),
  <Name extends 'gcra' | 'token-bucket'>(strategy: Name) => Throttle({ rate: '5/min', strategy, burst: 5 }),
  <Options extends PolicyOptions>(options: Options) => Throttle(options),
  <Options extends PolicyOptions>(options: Options) => Throttle({ ...options, by: by.ip() }),
  <Options extends MoreOptions>(options: Options) => Throttle('search', options),
  <Options extends MoreOptions>(options: Options) => Throttle('5/min', { ...options, cost: 3 }),
  <Options extends PolicyOptions>(...all: Options[]) => Throttle(all),
  <Settings extends { limit: string }>({ limit }: Settings) => Throttle(limit),
  <All extends Record<string, PolicyOptions>, Name extends keyof All>(all: All, name: Name) => Throttle(all[name]),
  <One extends string | PolicyOptions>(one: One) => Throttle(one),
  <Rates extends readonly string[]>(...rates: Rates) => Throttle(rates),
  (options: Partial<PolicyOptions>) => Throttle({ rate: '5/min', ...options }),
  (options?: PolicyOptions) => Throttle(options ?? '5/min'),
];

export const modules = [
  <Options extends ThrottleModuleOptions>(options: Options) => ThrottleModule.forRoot(options),
  <Options extends ThrottleModuleOptions>(options: Options) => ThrottleModule.forRoot<ThrottleModuleOptions>(options),
  <Options extends ThrottleModuleOptions>(options: Options) => ThrottleModule.forRoot({ ...options, default: '5/min' }),
  <Options extends ThrottleModuleOptions>(o: Options) => ThrottleModule.forRootAsync({ useFactory: () => o }),
  <Options extends ThrottleModuleOptions>(o: Options) => ThrottleModule.forRootAsync({ useFactory: async () => o }),
  <One extends Limit>(limit: One) => ThrottleModule.forRoot({ default: limit }),
  <One extends Limit>(limit: One) => ThrottleModule.forRoot({ policies: { search: limit } }),
  <One extends Limit>(limit: One) => ThrottleModule.forRoot({ sockets: { connections: limit } }),
  <All extends readonly Limit[]>(limits: All) => ThrottleModule.forRoot({ default: limits }),
  <All extends Record<string, Limit>>(policies: All) => ThrottleModule.forRoot({ policies }),
  <All extends Record<string, Limit>>(policies: All) => ThrottleModule.forFeature({ policies }),
  <Name extends string>(name: Name, limit: Limit) => ThrottleModule.forRoot({ policies: { [name]: limit } }),
];

export class Limits<Options extends ThrottleModuleOptions> {
  constructor(private readonly options: Options) {}

  module() {
    return [
      ThrottleModule.forRoot(this.options),
      ThrottleModule.forRoot({ default: this.options.default ?? '5/min' }),
      ThrottleModule.forRoot({ policies: { ...this.options.policies }, guard: false }),
      ThrottleModule.forRootAsync({ useFactory: () => this.options }),
    ];
  }
}

export const policies = [
  <Rate extends string>(rate: Rate) => parseRate(rate),
  <Rate extends string>(rate: Rate) => definePolicy('search', rate),
  <Rate extends string>(rate: Rate) => definePolicy('search', { rate }),
];
