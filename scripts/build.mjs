// Builds dist/: ES modules and CommonJS, each with its declarations, from one source. With --clean it first deletes
// earlier builds, as needed for a package; without, it does not recompile unchanged files.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as lua from './build-lua.mjs';
import * as traces from './build-traces.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = new URL('../dist/', import.meta.url);

async function compile(project) {
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  const [code] = await once(spawn(process.execPath, [tsc, '-p', project], { cwd: root, stdio: 'inherit' }), 'exit');
  if (code !== 0) process.exitCode = 1;
}

if (process.argv.includes('--clean')) rmSync(dist, { recursive: true, force: true });
for (const { GENERATED, generate } of [lua, traces]) writeFileSync(GENERATED, generate());
mkdirSync(new URL('cjs/', dist), { recursive: true });
// In a package of type "module", files are ES modules unless a nearer package.json sets another type. Bundlers also
// read `sideEffects` from the nearest one.
writeFileSync(new URL('cjs/package.json', dist), '{ "type": "commonjs", "sideEffects": false }\n');
await Promise.all(['tsconfig.build.json', 'tsconfig.build-cjs.json'].map(compile));
