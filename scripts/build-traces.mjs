// Embeds the conformance traces in a TypeScript file, so that the package has them. Run by `npm run build`.
import { readFileSync, writeFileSync } from 'node:fs';

export const GENERATED = new URL('../src/testing/contract/harness/conformance-traces.generated.ts', import.meta.url);

/** Returns the traces of a file of test/conformance as code, one per line. */
function tracesOf(file) {
  const traces = JSON.parse(readFileSync(new URL(`../test/conformance/${file}`, import.meta.url), 'utf8'));
  return ['[', ...traces.map((trace) => `  ${JSON.stringify(trace)},`), ']'].join('\n');
}

/** Returns the content of the generated file. */
export function generate() {
  return [
    '// Generated from test/conformance by scripts/build-traces.mjs. Do not edit.',
    "import type { DebtTrace, Trace } from './conformance-trace.js';",
    '',
    '/** The conformance traces: computed by an independent implementation that keeps whole histories. */',
    `export const CONFORMANCE_TRACES: readonly Trace[] = ${tracesOf('strategies.json')};`,
    '',
    '/** Those of what is charged above the limit. */',
    `export const DEBT_TRACES: readonly DebtTrace[] = ${tracesOf('debts.json')};`,
    '',
  ].join('\n');
}

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(GENERATED, generate());
