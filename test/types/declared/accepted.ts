// Code that compiles if names are declared.
import {
  definePolicy,
  type PolicyName,
  type PolicyOptions,
  presets,
  SkipThrottle,
  Throttle,
  ThrottleModule,
  type ThrottleModuleOptions,
  type ThrottleService,
} from 'nestjs-sluice';
import { policies } from './names.js';

declare const text: string;
declare const name: PolicyName;
declare const service: ThrottleService;
declare const moduleOptions: ThrottleModuleOptions;
declare const policyOptions: PolicyOptions;
enum Names {
  Search = 'search',
}

Throttle('search');
Throttle(name);
Throttle(text);
Throttle(Names.Search);
Throttle('mail', { manual: true });
Throttle('5/min');
Throttle(['search', '10/s; 200/hour', { rate: '5/min', name: 'upload' }]);
Throttle({ rate: '5/min', name: 'default' });
Throttle(policyOptions);
Throttle({ rate: '5/min', strategy: 'coin-flip', burst: 5 });
SkipThrottle('search', 'default');
SkipThrottle();
service.hit('search');
service.hit('default', 2);
service.consume(name, 2);
service.check('mail');
service.stat('upload');
service.reset(name);
service.hit(definePolicy('of its own', '5/min'));
ThrottleModule.forRoot({ policies });
ThrottleModule.forRoot({ policies: { search: '5/min' } });
ThrottleModule.forRoot(moduleOptions);
ThrottleModule.forFeature({ policies: { mail: '5/min' } });
ThrottleModule.forRootAsync({ useFactory: async () => ({ policies }) });
const all: { [Name in PolicyName]: true } = { search: true, upload: true, mail: true };
void all;
ThrottleModule.forRoot({
  policies,
  plans: {
    of: () => text,
    default: 'free',
    tiers: { free: { search: '5/min', mail: '5/h', default: '9/min' }, pro: {} },
  },
});

// Presets.
Throttle(presets.AUTH);
Throttle(presets.AUTH, { context: { account: 'email' } });
Throttle([...presets.PUBLIC_API, 'search']);
ThrottleModule.forRoot({ default: presets.PUBLIC_API });
