// Installs the peers; if they are installed, it takes no time. They resolve Nest and ioredis from the checkout's own
// node_modules, like the library, because of `legacy-peer-deps` in .npmrc. Two copies of Nest would not work together.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('.', import.meta.url));
const changedAt = (file) => statSync(new URL(file, import.meta.url), { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (changedAt('package-lock.json') > changedAt('node_modules/.package-lock.json')) {
  console.error('Installing the peers to measure against (once) ...');
  const shell = process.platform === 'win32';
  const { status } = spawnSync('npm', ['ci', '--loglevel=error'], { cwd, stdio: ['ignore', 2, 2], shell });
  if (status !== 0) {
    console.error('The installation failed. Check the network, then run the command again.');
    process.exit(1);
  }
}
