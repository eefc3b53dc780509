// Compiles the programs in test/types against the built package, like an application, with each supported version of
// TypeScript. Fails if one reports an error.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const PROGRAMS = ['undeclared', 'declared', 'exact', 'loose'];
const COMPILERS = [
  'test/types/typescript/node_modules/typescript-5.0',
  'test/types/typescript/node_modules/typescript-5.9',
  'node_modules/typescript',
];

let failures = 0;
for (const compiler of COMPILERS) {
  const { version } = JSON.parse(readFileSync(path.join(root, compiler, 'package.json'), 'utf8'));
  for (const program of PROGRAMS) {
    const args = [`${compiler}/lib/tsc.js`, '-p', `test/types/${program}`];
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
    if (status !== 0) failures++;
    console.log(`TypeScript ${version}, test/types/${program}: ${status === 0 ? 'as expected' : 'FAILED'}`);
  }
}
if (failures > 0) process.exit(1);
