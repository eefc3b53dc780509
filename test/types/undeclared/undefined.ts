// Options that may be `undefined`, which means their default. With `exactOptionalPropertyTypes` no option may.
import { Throttle, ThrottleModule } from 'nestjs-sluice';

Throttle({ rate: '5/min', name: undefined, id: undefined, manual: undefined, phase: undefined });
Throttle('5/min', { skip: undefined, message: undefined, onDenied: undefined, context: undefined });
ThrottleModule.forRoot({
  backend: undefined,
  headers: undefined,
  errors: undefined,
  guard: undefined,
  sockets: undefined,
});
ThrottleModule.forRoot({ default: '5/min', sockets: { closeAfter: undefined, trustProxy: undefined } });
