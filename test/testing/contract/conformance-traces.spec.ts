import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { CONFORMANCE_TRACES, DEBT_TRACES } from '../../../src/testing/contract/harness/conformance-traces.generated.js';
import { STRATEGIES } from '../../../src/testing/contract/harness/random-policies.js';

const root = new URL('../../../', import.meta.url);

describe('the conformance traces of the package', () => {
  it('equal those of test/conformance, as embedded by scripts/build-traces.mjs', async () => {
    const script = new URL('scripts/build-traces.mjs', root).href;
    const { generate, GENERATED }: { generate(): string; GENERATED: URL } = await import(script);
    expect(readFileSync(GENERATED, 'utf8')).toBe(generate());
    const read = (file: string): unknown => JSON.parse(readFileSync(new URL(`test/conformance/${file}`, root), 'utf8'));
    expect(CONFORMANCE_TRACES).toEqual(read('strategies.json'));
    expect(DEBT_TRACES).toEqual(read('debts.json'));
  });

  it('are many, and cover every strategy', () => {
    expect(CONFORMANCE_TRACES.length).toBeGreaterThanOrEqual(28);
    expect(new Set(CONFORMANCE_TRACES.map(({ policy }) => policy.strategy))).toEqual(new Set(STRATEGIES));
    expect(DEBT_TRACES.length).toBeGreaterThanOrEqual(39);
    expect(new Set(DEBT_TRACES.map(({ policy }) => policy.strategy))).toEqual(new Set(STRATEGIES));
  });
});
