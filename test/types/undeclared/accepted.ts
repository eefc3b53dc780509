// Code that compiles if no names are declared: everything that the library accepts, and strings whose value the
// compiler does not know.
import {
  by,
  type Call,
  type CallOptions,
  Concurrency,
  definePolicy,
  defineStrategy,
  type Limit,
  type MoreOptions,
  type PlanOptions,
  type PolicyOptions,
  type PolicySpec,
  parseRate,
  presets,
  SkipThrottle,
  type Strategy,
  Throttle,
  type ThrottleFeatureOptions,
  ThrottleModule,
  type ThrottleModuleExtras,
  type ThrottleModuleOptions,
  type ThrottleService,
  type What,
} from 'nestjs-sluice';

/** As `@nestjs/config` has it. */
class ConfigService {
  get(name: string): string | undefined {
    return process.env[name];
  }
  getOrThrow(name: string): string {
    return this.get(name) ?? '';
  }
}

declare const text: string;
declare const seconds: number;
declare const isDay: boolean;
declare const anything: ReturnType<typeof JSON.parse>;
declare const moduleOptions: ThrottleModuleOptions;
declare const rootOptions: ThrottleModuleOptions & ThrottleModuleExtras;
declare const featureOptions: ThrottleFeatureOptions;
declare const policyOptions: PolicyOptions;
declare const limit: Limit;
declare const what: What;
declare const more: MoreOptions;
declare const spec: PolicySpec;
declare const strategy: Strategy;
declare const service: ThrottleService;
declare const callOptions: CallOptions;
declare const call: Call;
enum Names {
  Search = 'search',
}

// Rates.
Throttle('5/min');
Throttle('10 per 30 seconds');
Throttle('10/s; 200/hour');
Throttle('unlimited');
Throttle(text);
Throttle(isDay ? '5/min' : '50/min');
Throttle(`${seconds}/min`);
Throttle(`5/${seconds}s` as const);
Throttle({ rate: text });
Throttle({ rate: () => text });
Throttle({ rate: async ({ request }) => (request === undefined ? '5/min' : text) });
parseRate('5/min');
parseRate(text);
[text].map((one) => parseRate(one));

// Names.
Throttle('search');
Throttle(Names.Search);
Throttle(['search', text, '5/min', [{ rate: '5/s', name: 'burst' }, 'upload']]);
Throttle({ rate: '5/min', name: text });
SkipThrottle();
SkipThrottle('default', 'search', text);
service.hit('search');
service.consume(text, 2, { subject: text });
service.check(Names.Search, 2);
service.stat('search', callOptions);
service.reset('default');
service.run('search', { cost: 3, chargeWhen: 'success', subject: text }, async () => seconds);
service.run('search', {}, () => seconds).then((value) => value.toFixed());
service.tally('search', callOptions).add(3);
service.hit(3);
service.hit(3, { on: call, context: { room: 'a' } });
service.hit('search', 1, callOptions);
service.hit('search', 1, { ...callOptions, subject: text });
service.hit('search', 1, isDay ? { subject: text } : {});
// A test may replace the service, and call its methods by name.
const replaced: Pick<ThrottleService, 'hit' | 'check' | 'stat'> = {
  hit: async () => ({ allowed: true, decisions: [], binding: null }),
  check: async () => true,
  stat: async (_policy?: unknown, on?: CallOptions) => (on === undefined ? null : null),
};
replaced[isDay ? 'hit' : 'check']('search', 2, callOptions);

// Strategies.
const coinFlip = defineStrategy({ name: 'coin-flip', step: strategy.step, amend: strategy.amend });
Throttle({ rate: '5/min', strategy: 'token-bucket', burst: 20 });
Throttle({ rate: '5/min', strategy: 'sliding-window', segments: 5 });
Throttle({ rate: '5/min', segments: 5 });
Throttle({ rate: '5/min', strategy: 'fixed-window', lease: { batch: 5 } });
Throttle({ rate: '5/min', strategy: text, burst: 20, segments: 5 });
Throttle('1000/month', { rollover: 100, thresholds: [0.8, 1], timeZone: 'Europe/Berlin' });
Throttle({ rate: '1000 per year', rollover: 0, anchor: new Date() });
Throttle({ rate: '10/day', strategy: 'calendar', anchor: (call: Call) => Reflect.get(call, 'since') });
Throttle('10/month', { anchor: ({ context }) => (context.since instanceof Date ? context.since : undefined) });
Throttle({ rate: '10/month', anchor: async () => undefined, timeZone: undefined, rollover: undefined });
Throttle({ rate: text, rollover: 10 });
definePolicy('plan', { rate: '1000/month', rollover: 100, anchor: new Date() });
ThrottleModule.forRoot({ policies: { plan: { rate: '1000/month', rollover: 100, thresholds: [1] } } });
ThrottleModule.forRoot({
  policies: {
    plan: { rate: '1/year', anchor: ({ context }) => (context.since instanceof Date ? context.since : undefined) },
  },
});
ThrottleModule.forRoot({ default: { rate: '1/year', anchor: (call: Call) => Reflect.get(call, 'since') } });
Throttle({ rate: '5/min', strategy: coinFlip.name, burst: 20 });
Throttle('5/min', { strategy: 'gcra', burst: 20 });
Throttle({ rate: '5/min', strategy: 'gcra' }, { burst: 20 });
Throttle({ rate: '5/min', burst: 20 }, { strategy: 'gcra' });
definePolicy('login', { rate: '5/min', strategy: coinFlip, burst: 20 });
definePolicy('login', { rate: text, strategy: 'leaky-bucket', burst: 20 });
definePolicy('login', '5/min');
definePolicy('login', text);
definePolicy('login', spec);
definePolicy('login', { ...spec, strategy: 'gcra' });

// Arguments of `@Throttle`: functions know the call.
Throttle('5/min', 5);
Throttle('5/min', 1e3);
Throttle('5/min', seconds);
Throttle('5/min', isDay ? 1 : 5);
Throttle('5/min', isDay ? 1 : () => 0);
Throttle({ rate: '5/min', cost: isDay ? 1 : async () => 0 });
Throttle('5/min', ({ message }) => String(message).length);
Throttle('5/min', {
  by: ({ address }) => address,
  cost: (one) => one.type.length,
  skip: ({ client }) => client === call,
});
Throttle({
  rate: '5/min',
  by: by.first(by.user(), by.ip()),
  onDenied: ({ context }, { decisions }) => void [context, decisions],
});
Throttle({ rate: '5/min', chargeWhen: 'failure' });
Throttle('5/min', {
  chargeWhen: ({ status = 0, error }, one) => status < 500 && error === undefined && one.type === 'http',
});
Throttle('5/min', { chargeWhen: async ({ value }) => Number(value) });
Throttle('5/min', { chargeWhen: isDay ? 'success' : () => true });
Throttle({ connections: '10/min' });
Throttle('5/min', { connections: { rate: '10/min', by: by.header('x-api-key') } });
Throttle(what);
Throttle(policyOptions);
Throttle(limit);
Throttle(text, more);
Throttle([policyOptions, 'search']);
Throttle(anything, anything);
@Throttle('100/min')
class Reports {
  @Throttle('search') list() {}
  @SkipThrottle('search') quick() {}
}
void Reports;

// Options of the module.
ThrottleModule.forRoot();
ThrottleModule.forRoot({});
ThrottleModule.forRoot({ isGlobal: false, guard: true, default: '5/min' });
ThrottleModule.forRoot({
  default: text,
  policies: { search: text, upload: { rate: text, strategy: 'gcra', burst: 2 } },
});
ThrottleModule.forRoot({ default: ['10/s', { rate: '5/min', name: 'slow', by: ({ address }) => address }] });
ThrottleModule.forRoot({
  onDenied: (one, outcome) => void [one.type, outcome.decisions],
  skip: (one) => one.type === 'rpc',
});
ThrottleModule.forRoot({ sockets: { connections: '10/min', frames: { rate: text }, closeAfter: 5 } });
ThrottleModule.forRoot({ strategies: [coinFlip], policies: { luck: { rate: '5/min', strategy: coinFlip.name } } });
ThrottleModule.forRoot(moduleOptions);
ThrottleModule.forRoot(rootOptions);
ThrottleModule.forRoot({ ...moduleOptions, default: '5/min' });
ThrottleModule.forRoot(anything);
const policies = { search: '30/min', upload: { rate: '100/hour', strategy: 'token-bucket', burst: 20 } } as const;
ThrottleModule.forRoot({ policies });
ThrottleModule.forFeature({ policies: { upload: '5/min', mail: { rate: '5/min', by: (one) => one.address } } });
ThrottleModule.forFeature(featureOptions);
ThrottleModule.forRootAsync({ useFactory: () => ({ default: '5/min' }) });
ThrottleModule.forRootAsync({ useFactory: async () => ({ default: '5/min' }), isGlobal: false });
ThrottleModule.forRootAsync({ useFactory: (): ThrottleModuleOptions => moduleOptions });
ThrottleModule.forRootAsync({ useFactory: async (): Promise<ThrottleModuleOptions> => moduleOptions });
ThrottleModule.forRootAsync({ useFactory: () => moduleOptions });
ThrottleModule.forRootAsync({
  inject: [ConfigService],
  useFactory: (config: ConfigService) => ({ default: config.getOrThrow('RATE'), policies: { search: text } }),
});
ThrottleModule.forRootAsync({
  inject: [ConfigService],
  useFactory: async (config: ConfigService) => ({
    policies: { search: { rate: config.getOrThrow('RATE'), by: (one) => one.address } },
  }),
});
ThrottleModule.forRootAsync({
  inject: [ConfigService],
  useFactory: (config) => ({ default: config.getOrThrow('RATE') }),
});
class OptionsFactory {
  create(): ThrottleModuleOptions {
    return moduleOptions;
  }
}
ThrottleModule.forRootAsync({ useClass: OptionsFactory });
ThrottleModule.forRootAsync({ useExisting: OptionsFactory });

ThrottleModule.forRoot({ requests: '1000/min' });
ThrottleModule.forRoot({ requests: { rate: '1000/min', strategy: 'token-bucket', burst: 20 } });

// Plans.
declare const planOptions: PlanOptions;
ThrottleModule.forRoot({ plans: planOptions });
ThrottleModule.forRoot({
  policies: { api: '100/min', export: '5/day' },
  plans: {
    of: ({ request, context }, subject) =>
      (subject === undefined ? request?.headers['x-plan']?.toString() : text) ?? context.scope,
    default: 'free',
    tiers: {
      free: { api: '100/h' },
      pro: { api: { rate: '2000/h', burst: 50 }, export: '10/s; 50/day' },
      enterprise: { api: 'unlimited', mail: text },
    },
    cacheMs: 5000,
  },
});
ThrottleModule.forRoot({ plans: { of: async () => null, default: text, tiers: { free: {} } } });
ThrottleModule.forRootAsync({
  useFactory: async () => ({ plans: { of: () => 'pro', default: 'free', tiers: { free: {}, pro: { api: '5/min' } } } }),
});

// Presets.
Throttle(presets.AUTH);
Throttle(presets.AUTH, { context: { account: 'email' } });
Throttle([...presets.PUBLIC_API, 'search']);
ThrottleModule.forRoot({ default: presets.PUBLIC_API });

// Modes, units and headers of a policy.
ThrottleModule.forRoot({ mode: 'monitor', runtimePolicies: true, default: { rate: '5/min', mode: 'on' } });
ThrottleModule.forRoot({
  mode: () => 'off',
  policies: { search: { rate: '5/min', mode: async ({ type }) => (type === 'ws' ? 'monitor' : 'on') } },
});
Throttle({ rate: '5/min', unit: 'content-bytes', headers: false });
Throttle('search', { mode: ({ request }) => (request?.headers['x-beta'] === undefined ? 'on' : 'monitor') });

// Overrides.
ThrottleModule.forRoot({ policies: { search: { rate: '5/min', overrides: true } } });
ThrottleModule.forRoot({ policies: { search: { rate: '5/min', overrides: [by.user(), () => 'org:1'] } } });
service.overrides.set('search', 'user:42', '500/min');
service.overrides.set('search', 'user:42', 'unlimited', { expiresInMs: 1000 });
service.overrides.set('search', 'user:42', { rate: '10/s', burst: 50 });
service.overrides.set('search', 'user:42', text);

// Limits of concurrency, beside a rate and without one.
Concurrency(5);
Concurrency({ limit: 2, weight: 1, queue: { max: 10, waitMs: 5000 }, status: 503 }, { by: by.user(), name: 'exports' });
Throttle({ concurrency: 5 });
Throttle('5/min', { concurrency: 5 });
Throttle({ rate: '5/min', concurrency: { limit: 5, weight: (call: Call) => String(call.type).length } });
ThrottleModule.forRoot({
  policies: { export: { concurrency: 2 }, both: { rate: '5/min', concurrency: { limit: 2 } } },
});
ThrottleModule.forRoot({ default: { concurrency: 100, by: by.all() } });
export const concurrent: Limit = { concurrency: 5 };
