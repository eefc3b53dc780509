// Code that does not compile, one statement per case. A statement that compiles is reported.
import {
  by,
  Concurrency,
  definePolicy,
  parseRate,
  Throttle,
  ThrottleModule,
  type ThrottleService,
} from 'nestjs-sluice';

declare const service: ThrottleService;

declare const maybe: string | undefined;
interface Config {
  get(name: string): string | undefined;
}
declare const config: Config;

// Rates that are none.
// @ts-expect-error
Throttle('5/fortnight');
// @ts-expect-error
Throttle('0/min');
// @ts-expect-error
Throttle('5/0s');
// @ts-expect-error
Throttle('100');
// @ts-expect-error
Throttle('');
// @ts-expect-error
Throttle('-5/min');
// @ts-expect-error
Throttle('1.5/s');
// @ts-expect-error
Throttle('10/s; 5/fortnight');
// @ts-expect-error
Throttle(['search', '5/fortnight']);
// @ts-expect-error
Throttle({ rate: '5/fortnight' });
// @ts-expect-error
Throttle({ rate: 'search' });
// @ts-expect-error
Throttle({ rate: '5/fortnight', by: by.ip() });
// @ts-expect-error
Throttle({ rate: '5/fortnight', by: ({ address }) => address });
// @ts-expect-error
Throttle([{ rate: '5/min' }, { rate: '5/fortnight', name: 'slow' }]);
// @ts-expect-error
Throttle({ connections: '5/fortnight' });
// @ts-expect-error
Throttle('5/min', { connections: '5/fortnight' });
// @ts-expect-error
parseRate('5/fortnight');
// @ts-expect-error
definePolicy('login', '5/fortnight');
// @ts-expect-error
definePolicy('login', { rate: '5/fortnight' });
// @ts-expect-error
ThrottleModule.forRoot({ default: '5/fortnight' });
// @ts-expect-error
ThrottleModule.forRoot({ default: { rate: '5/fortnight', by: by.ip() } });
// @ts-expect-error
ThrottleModule.forRoot({ default: ['5/min', { rate: '5/fortnight' }] });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { login: '5/fortnight' } });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { search: '5/min', login: { rate: '5/fortnight' } } });
// @ts-expect-error
ThrottleModule.forRoot({ sockets: { connections: '5/fortnight' } });
// @ts-expect-error
ThrottleModule.forRoot({ requests: '5/fortnight' });
// @ts-expect-error
ThrottleModule.forRoot({ requests: { rate: '5/min', burst: 20 } });
// @ts-expect-error
ThrottleModule.forRoot({ requests: undefined });
// @ts-expect-error
ThrottleModule.forRoot({ sockets: { frames: { rate: '5/fortnight' } } });
// @ts-expect-error
ThrottleModule.forFeature({ policies: { login: '5/fortnight' } });
// @ts-expect-error
ThrottleModule.forRootAsync({ useFactory: () => ({ default: '5/fortnight' }) });
// @ts-expect-error
ThrottleModule.forRootAsync({ useFactory: async () => ({ default: '5/fortnight' }) });

// Strategies that there are not, and options that a strategy does not have.
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'token_bucket' });
// @ts-expect-error
Throttle('5/min', { strategy: 'token_bucket' });
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'coin-flip' });
// @ts-expect-error
definePolicy('login', { rate: '5/min', strategy: 'token_bucket' });
// @ts-expect-error
ThrottleModule.forRoot({ default: { rate: '5/min', strategy: 'token_bucket' } });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { login: { rate: '5/min', strategy: 'token_bucket' } } });
// @ts-expect-error
ThrottleModule.forFeature({ policies: { login: { rate: '5/min', strategy: 'token_bucket' } } });
// @ts-expect-error
Throttle({ rate: '5/min', burst: 20 });
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'sliding-window', burst: 20 });
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'fixed-window', burst: 20 });
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'sliding-log', burst: 20 });
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'gcra', segments: 5 });
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'gcra', lease: { batch: 5 } });
// @ts-expect-error
Throttle({ rate: '5/min', rollover: 5 });
// @ts-expect-error
Throttle('5/day', { timeZone: 'Europe/Berlin' });
// @ts-expect-error
Throttle({ rate: '5/day', strategy: 'fixed-window', thresholds: [1] });
// @ts-expect-error
Throttle({ rate: '5/month', burst: 20 });
// @ts-expect-error
Throttle({ rate: '5/year', segments: 5 });
// @ts-expect-error
Throttle({ rate: '5/2 months' });
// @ts-expect-error
Throttle({ rate: '5/month', anchor: '2026-01-01' });
// @ts-expect-error
definePolicy('plan', { rate: '5/day', rollover: 5 });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { plan: { rate: '5/day', anchor: new Date() } } });
// @ts-expect-error
Throttle('5/min', { burst: 20 });
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'gcra' }, { strategy: 'fixed-window', burst: 20 });
// @ts-expect-error
definePolicy('login', { rate: '5/min', burst: 20 });
// @ts-expect-error
ThrottleModule.forRoot({ default: { rate: '5/min', burst: 20 } });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { login: { rate: '5/min', strategy: 'fixed-window', burst: 20 } } });
// @ts-expect-error
ThrottleModule.forRootAsync({ useFactory: () => ({ policies: { login: { rate: '5/min', burst: 20 } } }) });

// Values that are missing.
// @ts-expect-error
ThrottleModule.forRoot(undefined);
// @ts-expect-error
ThrottleModule.forRoot({ default: undefined });
// @ts-expect-error
ThrottleModule.forRoot({ default: maybe });
// @ts-expect-error
ThrottleModule.forRoot({ default: process.env.RATE });
// @ts-expect-error
ThrottleModule.forRoot({ policies: undefined });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { login: undefined } });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { login: maybe } });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { login: { rate: maybe } } });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { login: { rate: '5/min', by: undefined } } });
// @ts-expect-error
ThrottleModule.forRoot({ onError: undefined });
// @ts-expect-error
ThrottleModule.forRoot({ sockets: { connections: undefined } });
// @ts-expect-error
ThrottleModule.forRoot({ sockets: { frames: maybe } });
// @ts-expect-error
ThrottleModule.forRootAsync({ useFactory: () => ({ default: config.get('RATE') }) });
// @ts-expect-error
ThrottleModule.forRootAsync({ useFactory: async () => ({ default: config.get('RATE') }) });
// @ts-expect-error
ThrottleModule.forRootAsync({ useFactory: (one: Config) => ({ policies: { login: one.get('RATE') } }) });
// @ts-expect-error
ThrottleModule.forFeature(undefined);
// @ts-expect-error
ThrottleModule.forFeature({ policies: undefined });
// @ts-expect-error
ThrottleModule.forFeature({ policies: { login: maybe } });
// @ts-expect-error
Throttle(undefined);
// @ts-expect-error
Throttle(maybe);
// @ts-expect-error
Throttle('5/min', undefined);
// @ts-expect-error
Throttle({ rate: undefined });
// @ts-expect-error
Throttle({ rate: '5/min', by: undefined });
// @ts-expect-error
Throttle({ rate: '5/min', cost: undefined });
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'gcra', burst: undefined });
// @ts-expect-error
Throttle({ rate: '5/min', segments: undefined });
// @ts-expect-error
Throttle({ rate: '5/min', scope: undefined });
// @ts-expect-error
Throttle({ rate: '5/min', strategy: undefined });
// @ts-expect-error
Throttle({ rate: '5/min', onError: undefined });
// @ts-expect-error
Throttle({ rate: '5/min', chargeWhen: undefined });
// @ts-expect-error
Throttle({ rate: '5/min', chargeWhen: 'sucess' });
// @ts-expect-error
Throttle({ rate: '5/min', chargeWhen: () => 'yes' });
// @ts-expect-error
Throttle('5/min', { chargeWhen: true });
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'fixed-window', lease: undefined });
// @ts-expect-error
Throttle('5/min', { by: undefined });
// @ts-expect-error
Throttle('5/min', { rate: undefined });
// @ts-expect-error
definePolicy('login', maybe);
// @ts-expect-error
definePolicy('login', { rate: '5/min', scope: undefined });

// Options that there are not, values of another type, and a rate that is left out.
// @ts-expect-error
ThrottleModule.forRoot({ defualt: '5/min' });
// @ts-expect-error
ThrottleModule.forRoot({ default: '5/min', onEror: 'local' });
// @ts-expect-error
ThrottleModule.forRoot({ default: { rate: '5/min', scop: 'app' } });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { login: { rate: '5/min', scop: 'app' } } });
// @ts-expect-error
ThrottleModule.forRoot({ onError: 'panic' });
// @ts-expect-error
ThrottleModule.forRoot({ mode: 'dry-run' });
// @ts-expect-error
Throttle({ rate: '5/min', mode: () => 'enforced' });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { search: '5/min', runtime: true } });
// @ts-expect-error
ThrottleModule.forRoot({ default: 5 });
// @ts-expect-error
ThrottleModule.forRoot({ default: { burst: 5 } });
// @ts-expect-error
Throttle({ rate: '5/min', scop: 'app' });
// @ts-expect-error
Throttle('5/min', { scop: 'app' });
// @ts-expect-error
Throttle('5/min', { scope: 'aplication' });
// @ts-expect-error
Throttle('5/min', '5');
// @ts-expect-error
definePolicy('login', { rate: '5/min', scop: 'app' });

// Numbers of units that are none.
// @ts-expect-error
Throttle('5/min', -1);
// @ts-expect-error
Throttle('5/min', 0);
// @ts-expect-error
Throttle('5/min', 1.5);

// Plans: rates, the default, and options that there are not.
const of = () => 'pro';
// @ts-expect-error
ThrottleModule.forRoot({ plans: { of, default: 'fre', tiers: { free: {}, pro: {} } } });
// @ts-expect-error
ThrottleModule.forRoot({ plans: { of, default: 'free', tiers: { free: { api: '5/fortnight' } } } });
// @ts-expect-error
ThrottleModule.forRoot({ plans: { of, default: 'free', tiers: { free: { api: { rate: '5/fortnight' } } } } });
// @ts-expect-error
ThrottleModule.forRoot({ plans: { of, default: 'free', tiers: { free: { api: { rate: '5/min', by: of } } } } });
// @ts-expect-error
ThrottleModule.forRoot({ plans: { of, default: 'free', tiers: { free: {} }, cache: 5 } });
// @ts-expect-error
ThrottleModule.forRoot({ plans: { of: () => 5, default: 'free', tiers: { free: {} } } });
// @ts-expect-error
ThrottleModule.forRoot({ plans: { default: 'free', tiers: { free: {} } } });
// @ts-expect-error
ThrottleModule.forRoot({ plans: undefined });
ThrottleModule.forRootAsync({
  // @ts-expect-error
  useFactory: () => ({ plans: { of, default: 'free', tiers: { free: { api: '5/fortnight' } } } }),
});

// Overrides: by whom, and at which rate.
// @ts-expect-error
ThrottleModule.forRoot({ policies: { search: { rate: '5/min', overrides: 'user' } } });
// @ts-expect-error
service.overrides.set('search', 'user:42', '5/fortnight');
// @ts-expect-error
service.overrides.set('search', 'user:42', { rate: '5/min', segments: 5 });
// @ts-expect-error
service.overrides.set('search', 42, '5/min');

// Limits of concurrency that are none.
// @ts-expect-error
Concurrency('5');
// @ts-expect-error
Concurrency({ queue: { max: 1, waitMs: 1 } });
// @ts-expect-error
Concurrency({ limit: 2, status: 500 });
// @ts-expect-error
Throttle({ rate: '5/min', concurrency: undefined });
// @ts-expect-error
Throttle({ rate: '5/min', concurrency: maybe });
// @ts-expect-error
Throttle({ rate: '5/min', concurrency: { limit: 2, queue: { max: 10 } } });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { export: { concurrency: undefined } } });
