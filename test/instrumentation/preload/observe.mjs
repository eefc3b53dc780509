// Adds @nestjs/observe to an application, as its users do in the application itself. Nothing leaves the
// machine: its collector is a port of the loopback on which nothing listens.
import { createObserveModule } from '@nestjs/observe';

const seen = [];
const { ObserveModule, ObserveInstrument } = createObserveModule();
const options = { appKey: 'key', appSecret: 'secret', serviceId: 'reports', endpoint: 'http://127.0.0.1:9' };

globalThis.instrumentation = {
  seen,
  imports: [ObserveModule.forRoot(options)],
  instrument: {
    instanceDecorator(instance) {
      const decorated = ObserveInstrument.instanceDecorator(instance);
      if (decorated !== instance) seen.push(instance.constructor.name);
      return decorated;
    },
  },
};
