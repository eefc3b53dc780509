import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { codeBlocksOf } from './code-blocks.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

describe('docs/testing.md', () => {
  const blocks = codeBlocksOf('testing.md');

  it('names a file in each of its blocks, and names none twice', () => {
    const files = blocks.map(({ file }) => file);
    expect(files.length).toBeGreaterThanOrEqual(11);
    expect(new Set(files).size).toBe(files.length);
  });

  it('has code that compiles', async () => {
    await mkdir(`${root}test/artifacts`, { recursive: true });
    const folder = await mkdtemp(`${root}test/artifacts/docs-`);
    try {
      for (const { file, text } of blocks) await writeFile(`${folder}/${file}`, text);
      const config = {
        extends: '../../../tsconfig.json',
        compilerOptions: { rootDir: root, module: 'esnext', moduleResolution: 'bundler' },
        include: ['*.ts'],
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
