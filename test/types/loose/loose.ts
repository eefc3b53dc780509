// Without strict null checks any type includes `undefined`, so it cannot be refused. Literals still are.
import { Throttle, ThrottleModule, type ThrottleModuleOptions } from 'nestjs-sluice';

let options: ThrottleModuleOptions;
let text: string;
ThrottleModule.forRoot(options);
ThrottleModule.forRoot({ default: undefined, policies: { search: text } });
ThrottleModule.forRoot({ default: process.env.RATE });
ThrottleModule.forRootAsync({ useFactory: () => ({ default: process.env.RATE }) });
Throttle({ rate: text, by: undefined });
// @ts-expect-error
Throttle('5/fortnight');
// @ts-expect-error
ThrottleModule.forRoot({ default: '5/fortnight' });
// @ts-expect-error
ThrottleModule.forRoot({ default: { rate: '5/min', burst: 20 } });
