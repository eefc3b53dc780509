// Options with values from a configuration. With `exactOptionalPropertyTypes`, TypeScript 5.0 infers `undefined` for them, so
// not even an option without a check accepts them there.
import { definePolicy, Throttle, ThrottleModule } from 'nestjs-sluice';

/** The signatures of `@nestjs/config`, which infer the type of a value from where it is used. */
declare class ConfigService<All = Record<string, unknown>, WasValidated extends boolean = false> {
  get<T>(name: keyof All): WasValidated extends true ? T : T | undefined;
  get<Name extends keyof All, T = All[Name]>(name: Name, how: { infer: true }): Validated<WasValidated, T>;
  get<T>(name: keyof All, fallback: NotInferred<T>): T;
  getOrThrow<T>(name: keyof All): Exclude<T, undefined>;
  getOrThrow<Name extends keyof All, T = All[Name]>(name: Name, how: { infer: true }): Exclude<T, undefined>;
}
type Validated<WasValidated extends boolean, T> = WasValidated extends true ? T : T | undefined;
type NotInferred<T> = [T][T extends unknown ? 0 : never];
interface Values {
  strategy: 'gcra' | 'fixed-window';
  burst: number;
  rate: string;
}

declare const config: ConfigService;
declare const validated: ConfigService<Values, true>;
declare const typed: ConfigService<Values>;

// Values with a default, or that throw.
ThrottleModule.forRoot({ default: config.get('a', '5/min'), onError: config.get('b', 'local') });
ThrottleModule.forRoot({ headers: config.get('a', 'both'), ipv6Prefix: config.get('b', 64) });
ThrottleModule.forRoot({ default: config.getOrThrow('a'), policies: config.getOrThrow('b') });
ThrottleModule.forRoot({ default: { rate: '5/min', strategy: 'gcra', burst: config.get('a', 5) } });
ThrottleModule.forRoot({ default: [{ rate: config.get('a', '5/min'), segments: config.get('b', 5) }] });
ThrottleModule.forRoot({ sockets: { connections: config.get('a', '5/min'), frames: config.get('b', '5/min') } });
ThrottleModule.forRoot({ sockets: { frames: { rate: config.get('a', '5/min'), scope: config.get('b', 'app') } } });
ThrottleModule.forRoot({ policies: { search: config.get('a', '5/min'), upload: config.getOrThrow('b') } });
ThrottleModule.forRoot({ policies: { search: { rate: config.getOrThrow('a'), onError: config.get('b', 'deny') } } });
ThrottleModule.forRoot({
  policies: { search: { rate: '5/min', strategy: validated.get('strategy', { infer: true }) } },
});
ThrottleModule.forRoot({ policies: { search: { rate: '5/min', segments: validated.get('burst', { infer: true }) } } });
ThrottleModule.forRoot({ policies: { search: typed.getOrThrow('rate', { infer: true }) } });
ThrottleModule.forFeature({ policies: { search: { rate: '5/min', segments: config.get('a', 5) } } });
Throttle({ rate: '5/min', cost: config.get('a', 5) });
Throttle('5/min', { cost: config.get('a', 5), scope: config.get('b', 'app'), connections: config.get('c', '5/min') });
definePolicy('search', { rate: config.get('a', '5/min'), segments: config.get('b', 5), scope: config.get('c', 'app') });

// Factories that take a configuration.
ThrottleModule.forRootAsync({
  inject: [ConfigService],
  useFactory: (one: ConfigService) => ({
    default: { rate: one.getOrThrow('a'), strategy: 'gcra', burst: one.get('b', 5) },
    onError: one.get('c', 'local'),
  }),
});
ThrottleModule.forRootAsync({
  inject: [ConfigService],
  useFactory: async (one: ConfigService) => ({
    policies: { search: { rate: one.get('a', '5/min'), segments: one.get('b', 5) } },
  }),
});
