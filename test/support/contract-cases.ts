import { describe, it } from '@jest/globals';
import type { ContractCase } from '../../src/testing/index.js';

/** Runs the cases of a contract as tests. */
export function runCases(what: string, cases: readonly ContractCase[]): void {
  describe(what, () => {
    for (const { name, run } of cases) it(name, run, 600_000);
  });
}
