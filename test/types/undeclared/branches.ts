// Options that depend on something, or are made elsewhere.
import {
  definePolicy,
  MemoryBackend,
  type PolicyOptions,
  parseRate,
  Throttle,
  ThrottleModule,
  type ThrottleModuleOptions,
} from 'nestjs-sluice';

declare const isDay: boolean;
declare const shared: ThrottleModuleOptions;

// Factories of several results.
ThrottleModule.forRootAsync({
  useFactory: () => {
    if (isDay) return { default: '5/min', backend: () => new MemoryBackend() };
    return { default: '5/min' };
  },
});
ThrottleModule.forRootAsync({
  useFactory: async () => {
    if (isDay) return { default: '5/min', backend: () => new MemoryBackend() };
    return { default: { rate: '6/min', by: (call) => call.address } };
  },
});
ThrottleModule.forRootAsync({ useFactory: () => (isDay ? { default: '5/min' } : { default: '6/min' }) });
ThrottleModule.forRootAsync({ useFactory: () => (isDay ? { default: '5/min' } : { policies: { search: '6/min' } }) });
ThrottleModule.forRootAsync({ useFactory: () => (isDay ? { default: '5/min' } : {}) });
ThrottleModule.forRootAsync({ useFactory: () => (isDay ? shared : { default: '5/min' }) });
ThrottleModule.forRootAsync({ useFactory: () => (isDay ? Promise.resolve(shared) : { default: '5/min' }) });
ThrottleModule.forRootAsync({ useFactory: () => ({ ...shared, ...(isDay && { onError: 'deny' }) }) });
ThrottleModule.forRootAsync({ useFactory: () => ({ default: '5/min' }) satisfies ThrottleModuleOptions });
ThrottleModule.forRootAsync({ useFactory: () => ({ default: '5/min' }) as const });
ThrottleModule.forRootAsync({
  useFactory() {
    throw new Error('not today');
  },
});
ThrottleModule.forRootAsync({ useFactory: load, isGlobal: false });
function load() {
  return isDay ? { default: '5/min' } : { default: '6/min', headers: false as const };
}
class Factory {
  async create() {
    return isDay ? { default: '5/min' } : { default: '6/min' };
  }
}
ThrottleModule.forRootAsync({ useClass: Factory, guard: false });

// Branches.
enum Rate {
  Slow = '5/min',
  Fast = '50/min',
}
Throttle(isDay ? Rate.Slow : Rate.Fast);
Throttle({ rate: isDay ? '5/min' : '6/min', strategy: isDay ? 'gcra' : 'token-bucket', burst: 6 });
Throttle({ rate: '5/min', strategy: isDay ? 'gcra' : 'fixed-window', burst: 6 });
Throttle(process.env.RATE ?? '5/min');
parseRate(isDay ? '5/min' : '6/min');
ThrottleModule.forRoot(isDay ? { default: Rate.Slow } : { default: { rate: Rate.Fast, segments: 5 } });
ThrottleModule.forRoot(isDay ? { default: '5/min' } : {});
ThrottleModule.forRoot({ ...(isDay && { default: '5/min' }) });
ThrottleModule.forRoot({ policies: { search: '5/min', ...(isDay ? { upload: '5/min' } : {}) } });
ThrottleModule.forRoot({ policies: { search: isDay ? '5/min' : { rate: '5/min', burst: 5, strategy: 'gcra' } } });
ThrottleModule.forRoot({ policies: { search: { rate: '5/min', ...(isDay && { strategy: 'gcra', burst: 5 }) } } });

// Variables, and what is computed.
const options = { rate: '5/min', segments: 5 };
Throttle(options);
Throttle([options, options]);
definePolicy('search', options);
ThrottleModule.forRoot({ default: options, policies: { search: options } });
let variable = { default: '5/min', policies: { search: { rate: '5/min', strategy: 'gcra', burst: 3 } } };
ThrottleModule.forRoot(variable);
variable = { ...variable };
const satisfying = { default: '5/min', headers: 'both' } satisfies ThrottleModuleOptions;
ThrottleModule.forRoot(satisfying);
const constant = { default: '5/min', headers: 'both' } as const;
ThrottleModule.forRoot(constant);
interface Mine {
  rate: string;
  segments?: number;
}
declare const mine: Mine;
declare const byName: Record<string, Mine>;
Throttle(mine);
ThrottleModule.forRoot({ default: [mine], policies: { ...byName, search: mine } });
ThrottleModule.forRoot({ policies: byName });
ThrottleModule.forRoot({ default: ['slow', 'fast'].map((name) => ({ rate: '5/min', name })) });
ThrottleModule.forRoot({ default: [1, 2].map((n) => `${n}/min`) });
ThrottleModule.forRoot({ policies: Object.fromEntries(['search'].map((name) => [name, { rate: '5/min' }])) });
const args = ['5/min', { segments: 5 }] as const;
Throttle(...args);
class Options implements PolicyOptions {
  readonly rate = '5/min';
  readonly segments = 5;
}
Throttle(new Options());
