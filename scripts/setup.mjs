// Installs what is missing; nothing to do takes no time. With --tests also what only the tests need: Nest 11
// beside Nest 12, and a Redis server.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const isWindows = process.platform === 'win32';

function fail(message) {
  console.error(message);
  process.exit(1);
}

function run(command, args, options = {}) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: isWindows, ...options }).status === 0;
}

function isOnPath(command) {
  return spawnSync(isWindows ? 'where' : 'which', [command], { stdio: 'ignore' }).status === 0;
}

function installPackages(folder, what) {
  const cwd = path.join(root, folder);
  const changedAt = (file) => statSync(path.join(cwd, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (changedAt('package-lock.json') <= changedAt('node_modules/.package-lock.json')) return;
  console.error(`Installing ${what} (once) ...`);
  if (!run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd })) {
    fail('The installation failed. Check the network, then run the command again.');
  }
}

function installRedis() {
  if (process.env.REDIS_URL || isOnPath('redis-server') || isOnPath('valkey-server')) return;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && isOnPath('apt-get')) {
    console.error('Installing redis-server for the tests (once) ...');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    if (run('apt-get', ['update', '-qq'], { env }) && run('apt-get', ['install', '-y', '-qq', 'redis-server'], { env }))
      return;
  }
  fail(
    'The tests need a Redis: install redis-server or valkey-server (6.2 or later) so that it is on the PATH, or set REDIS_URL.',
  );
}

installPackages('.', 'dependencies');
if (process.argv.includes('--tests')) {
  installPackages('test/nest11', 'Nest 11 for the tests');
  installRedis();
}
