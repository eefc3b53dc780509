import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { codeBlocksOf, pages, root, stepsOf, writeBlocks } from './code-blocks.js';

const run = promisify(execFile);

const TUTORIAL = 'docs/getting-started.md';
/** It declares names of policies, which would hold for all pages that are compiled with it. */
const TYPES = 'docs/types.md';

/** The functions of a test runner that `nest new` makes global. */
const GLOBALS = `import type * as jest from '@jest/globals';
declare global {
  const describe: typeof jest.describe;
  const it: typeof jest.it;
  const expect: typeof jest.expect;
  const beforeAll: typeof jest.beforeAll;
  const afterAll: typeof jest.afterAll;
}`;

/** Compiles the code of some pages, each in a folder of its own, and returns what the compiler says. */
async function compile(someOf: readonly string[], options = {}): Promise<string> {
  await mkdir(`${root}test/artifacts`, { recursive: true });
  const folder = await mkdtemp(`${root}test/artifacts/docs-`);
  try {
    for (const page of someOf) {
      const steps = page === TUTORIAL ? stepsOf(page) : [codeBlocksOf(page)];
      for (const [i, blocks] of steps.entries()) await writeBlocks(`${folder}/${page}/${i}`, blocks);
    }
    await writeFile(`${folder}/globals.d.ts`, GLOBALS);
    const config = {
      extends: '../../../tsconfig.json',
      compilerOptions: { rootDir: root, module: 'esnext', moduleResolution: 'bundler', ...options },
      include: ['**/*.ts'],
    };
    await writeFile(`${folder}/tsconfig.json`, JSON.stringify(config));
    const compiler = `${root}node_modules/typescript/bin/tsc`;
    const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((error) => error);
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the code of README and docs/', () => {
  it.each(pages.filter((page) => codeBlocksOf(page).length > 0))('has a file for each block of %s', (page) => {
    const files = codeBlocksOf(page).map(({ file }) => file);
    expect(files).not.toContain('');
    if (page !== TUTORIAL) expect(new Set(files).size).toBe(files.length);
  });

  it('is found: a tutorial has steps, and pages have blocks', () => {
    expect(stepsOf(TUTORIAL).length).toBeGreaterThanOrEqual(5);
    expect(pages.flatMap(codeBlocksOf).length).toBeGreaterThan(80);
  });

  it('compiles', async () => {
    const [others, types] = await Promise.all([
      compile(pages.filter((page) => page !== TYPES)),
      compile([TYPES], { exactOptionalPropertyTypes: false }),
    ]);
    expect(others + types).toBe('');
  });
});
