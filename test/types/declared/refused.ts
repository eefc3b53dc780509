// Code that does not compile if names are declared, one statement per case.
import { SkipThrottle, Throttle, ThrottleModule, type ThrottleService } from 'nestjs-sluice';

declare const service: ThrottleService;
declare const text: string;

// @ts-expect-error
Throttle('serach');
// @ts-expect-error
Throttle('default');
// @ts-expect-error
Throttle(['search', 'uplaod']);
// @ts-expect-error
Throttle('serach', { manual: true });
// @ts-expect-error
Throttle('serach', 5);
// @ts-expect-error
Throttle({ rate: '5/min', name: 'serach' });
// @ts-expect-error
Throttle('5/min', { name: 'serach' });
// @ts-expect-error
Throttle('5/fortnight');
// @ts-expect-error
Throttle({ rate: '5/min', strategy: 'coin-filp' });
// @ts-expect-error
SkipThrottle('serach');
// @ts-expect-error
SkipThrottle('search', 'uplaod');
// @ts-expect-error
service.hit('serach');
// @ts-expect-error
service.hit('serach', 2);
// @ts-expect-error
service.hit(text);
// @ts-expect-error
service.consume('serach');
// @ts-expect-error
service.check('serach', 2);
// @ts-expect-error
service.stat('serach');
// @ts-expect-error
service.reset('serach');
// @ts-expect-error
ThrottleModule.forRoot({ policies: { serach: '5/min' } });
// @ts-expect-error
ThrottleModule.forRoot({ policies: { search: '5/min', uplaod: { rate: '5/min' } } });
// @ts-expect-error
ThrottleModule.forFeature({ policies: { mial: '5/min' } });
// @ts-expect-error
ThrottleModule.forRoot({ plans: { of: () => text, default: 'free', tiers: { free: { serach: '5/min' } } } });

// @ts-expect-error
service.overrides.set('serach', 'user:42', '5/min');
