// Embeds the conformance traces in a TypeScript file, so that the package has them. Run by `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs';

const TRACES = new URL('../test/conformance/strategies.json', import.meta.url);
export const GENERATED = new URL('../src/testing/contract/harness/conformance-traces.generated.ts', import.meta.url);

/** Returns the text of the generated file. */
export function generate() {
  return [
    '// Generated from test/conformance/strategies.json by scripts/build-traces.mjs. Do not edit.',
    "import type { Trace } from './conformance-trace.js';",
    '',
    '/** The conformance traces: computed by an independent implementation that keeps whole histories. */',
    `export const CONFORMANCE_TRACES: readonly Trace[] = ${readFileSync(TRACES, 'utf8').trim()};`,
    '',
  ].join('\n');
}

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(GENERATED, generate());
