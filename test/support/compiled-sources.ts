import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { transformSync } from '@swc/core';

const SRC = path.resolve(import.meta.dirname, '../../src');
/** The folders that need only Node. */
const FOLDERS = ['core', 'strategies', 'backends'];

/** Compiles the backends to JavaScript in a temporary folder, for processes that Jest does not run. */
export function compileBackends(): { readonly folder: string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-compiled-'));
  writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  for (const name of FOLDERS) {
    for (const file of readdirSync(path.join(SRC, name), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      mkdirSync(path.dirname(path.join(folder, name, file)), { recursive: true });
      const { code } = transformSync(readFileSync(path.join(SRC, name, file), 'utf8'), {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
        swcrc: false,
      });
      writeFileSync(path.join(folder, name, file.replace(/\.ts$/, '.js')), code);
    }
  }
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
