// Installs what the lock file names when it is newer than what is installed. Nothing to do takes no time.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';

const changedAt = (file) => statSync(new URL(`../${file}`, import.meta.url), { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (changedAt('package-lock.json') > changedAt('node_modules/.package-lock.json')) {
  console.error('Installing dependencies (once) ...');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: new URL('..', import.meta.url),
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    console.error('The installation failed. Check the network, then run the command again.');
    process.exit(1);
  }
}
