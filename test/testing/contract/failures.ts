import type { ContractCase } from 'nestjs-sluice/testing';

/** The names of the cases that fail. */
export async function failuresOf(cases: readonly ContractCase[]): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const { name, run } of cases) await run().catch(() => failures.push(name));
  return failures;
}
