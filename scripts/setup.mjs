// Installs missing dependencies; if there are none, it takes no time. With --tests also those of the tests only: Nest
// 11 in addition to Nest 12, instrumentation, and a Redis server. With --browser the Chromium for the test of the
// sample's page.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
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

/** Installs a Debian package, if that works without user input. Returns true if it is installed. */
function installFromDebian(name, what) {
  if (process.getuid?.() !== 0 || !isOnPath('apt-get')) return false;
  console.error(`Installing ${name} for ${what} (once) ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return (
    run('apt-get', ['update', '-qq'], { env }) &&
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', name], { env })
  );
}

function installRedis() {
  if (process.env.REDIS_URL || isOnPath('redis-server') || isOnPath('valkey-server')) return;
  if (installFromDebian('redis-server', 'the tests')) return;
  fail(
    'The tests need a Redis: install redis-server or valkey-server (6.2 or later) so that it is on the PATH, or set REDIS_URL.',
  );
}

function installChromium() {
  const { CHROMIUM } = process.env;
  if (existsSync(CHROMIUM ?? '/usr/bin/chromium')) return;
  if (CHROMIUM !== undefined) {
    fail(`CHROMIUM: expected the path of a Chromium or Chrome, got "${CHROMIUM}", where there is nothing.`);
  }
  if (installFromDebian('chromium', "the test of the sample's page")) return;
  fail(
    "The test of the sample's page needs a browser: install Chromium as /usr/bin/chromium, or set CHROMIUM to the path of a Chromium or Chrome.",
  );
}

installPackages('.', 'dependencies');
if (process.argv.includes('--tests')) {
  installPackages('test/nest11', 'Nest 11 for the tests');
  installPackages('test/instrumentation', 'OpenTelemetry, Sentry and Nest 11 for the tests');
  installPackages('test/types/typescript', 'other versions of TypeScript for the tests');
  installRedis();
}
if (process.argv.includes('--browser')) installChromium();
