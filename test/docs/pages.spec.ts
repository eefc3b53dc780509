import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { codeBlocksOf } from './code-blocks.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** Pages whose blocks are the files of one program each. */
const pages = [
  ['testing.md', 11],
  ['modes.md', 5],
  ['plans.md', 4],
  ['overrides.md', 5],
  ['presets.md', 2],
  ['quotas.md', 4],
  ['concurrency.md', 4],
  ['outcomes.md', 6],
  ['blocks.md', 2],
  ['outages.md', 2],
  ['functions.md', 2],
  ['llm.md', 6],
] as const;

describe.each(pages)('docs/%s', (page, atLeast) => {
  it('names a file in each of its blocks, and names none twice', () => {
    const files = codeBlocksOf(page).map(({ file }) => file);
    expect(files.length).toBeGreaterThanOrEqual(atLeast);
    expect(new Set(files).size).toBe(files.length);
  });
});

describe('the pages of docs/', () => {
  it('have code that compiles', async () => {
    await mkdir(`${root}test/artifacts`, { recursive: true });
    const folder = await mkdtemp(`${root}test/artifacts/docs-`);
    try {
      for (const [page] of pages) {
        await mkdir(`${folder}/${page}`);
        for (const { file, text } of codeBlocksOf(page)) await writeFile(`${folder}/${page}/${file}`, text);
      }
      const config = {
        extends: '../../../tsconfig.json',
        compilerOptions: { rootDir: root, module: 'esnext', moduleResolution: 'bundler' },
        include: ['*/*.ts'],
      };
      await writeFile(`${folder}/tsconfig.json`, JSON.stringify(config));
      const compiler = `${root}node_modules/typescript/bin/tsc`;
      const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((error) => error);
      expect(stdout).toBe('');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
