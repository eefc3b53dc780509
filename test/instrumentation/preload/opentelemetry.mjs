// Starts OpenTelemetry before an application: `node --import ./preload/opentelemetry.mjs app.mjs`.
import { register } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { NestInstrumentation } from '@opentelemetry/instrumentation-nestjs-core';
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);

const seen = [];
const exporter = {
  export(spans, done) {
    seen.push(...spans.map(({ name }) => name));
    done({ code: 0 });
  },
  async shutdown() {},
};
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
registerInstrumentations({ instrumentations: [new NestInstrumentation()] });

globalThis.instrumentation = { seen };
