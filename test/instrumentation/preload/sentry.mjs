// Starts Sentry before an application: `node --import ./preload/sentry.mjs app.mjs`. Nothing is sent.
import * as Sentry from '@sentry/nestjs';

const seen = [];
Sentry.init({
  dsn: 'http://key@127.0.0.1/1',
  tracesSampleRate: 1,
  transport: (options) => Sentry.createTransport(options, async () => ({ statusCode: 200 })),
});
Sentry.getClient().on('spanEnd', (span) => seen.push(Sentry.spanToJSON(span).description));

globalThis.instrumentation = { seen };
