/**
 * Runs the applications of test/consumers with the packed package, as users do. Each is copied to a folder outside the
 * repository, so that it cannot resolve files of the repository, then installed from its lock file, built, tested, and
 * sent three requests under a limit of 2/min. `-- webpack esbuild` runs only these two. Prints the number of steps at
 * the end.
 *
 * Applications without sources use those in test/consumers/template.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CONSUMERS = path.join(ROOT, 'test/consumers');
const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const STEP_TIMEOUT_MS = 600_000;
/** Only two, because a build or a test keeps more than one core busy. */
const PARALLEL = 2;

/**
 * The steps for each application: scripts of its package.json, and files that start it. They run with the Node that
 * runs this script, with all other versions too, or with only one of them.
 */
const APPLICATIONS = {
  'nest11-ts-jest': { scripts: ['build', 'test:e2e'], servers: ['dist/main.js'], onEveryNode: true },
  'nest11-swc-jest': { scripts: ['build', 'test:e2e'], servers: ['dist/main.js'] },
  'nest11-tsconfigs': {
    scripts: ['build', 'check:es2021'],
    servers: ['dist/commonjs/main.js', 'dist/node16/main.js', 'dist/nodenext/main.js'],
  },
  'nest12-vitest': { scripts: ['build', 'test:e2e'], servers: ['dist/main.js'], onEveryNode: true },
  'nest12-jest': { scripts: ['build', 'test:e2e'], servers: ['dist/main.js'] },
  // Jest's `require` of ES modules, which Nest 12 consists of, needs Node 24.9.
  'nest12-cjs-jest': { scripts: ['build', 'test:e2e'], servers: ['dist/main.js'], node: 'node24' },
  'nest12-swc': { scripts: ['build'], servers: ['dist/main.js'] },
  webpack: { scripts: ['build'], servers: ['dist/main.js'] },
  esbuild: { scripts: ['build'], servers: ['dist/main.js'] },
  'two-copies': { scripts: ['build', 'test', 'bundle'], servers: ['dist/main.js', 'bundle/main.js'] },
};

const work = mkdtempSync(path.join(tmpdir(), 'sluice-consumers-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const counts = { passed: 0, failed: 0 };

/** Runs a command. If it fails, rejects with its output. */
async function run(cwd, command, ...args) {
  return runOn(process.execPath, cwd, command, ...args);
}

async function runOn(node, cwd, command, ...args) {
  const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` };
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: STEP_TIMEOUT_MS });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}:\n${output}`);
  return output;
}

/** Runs, counts and prints one step. Returns true if it passed. */
async function step(name, action) {
  const startedAt = Date.now();
  try {
    await action();
    counts.passed += 1;
    console.log(`✓ ${name} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
    return true;
  } catch (error) {
    counts.failed += 1;
    console.log(`✗ ${name}\n${error.message}`);
    return false;
  }
}

async function packLibrary() {
  await run(ROOT, NPM, 'pack', '--silent', '--pack-destination', work);
  const [tarball] = readdirSync(work).filter((file) => file.endsWith('.tgz'));
  await run(work, 'tar', 'xzf', tarball);
  return path.join(work, tarball);
}

/** Asserts that the tarball contains only what users need. */
function assertContents() {
  const files = readdirSync(path.join(work, 'package'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(path.join(work, 'package'), path.join(entry.parentPath, entry.name)));
  const expected =
    /^(?:dist[\\/](?:esm|cjs)[\\/].*(?:\.js|\.d\.ts)|dist[\\/]cjs[\\/]package\.json|docs[\\/].*\.md|lua[\\/].*\.lua|(?:README|CHANGELOG)\.md|LICENSE|package\.json)$/;
  const others = files.filter((file) => !expected.test(file));
  if (others.length > 0) throw new Error(`The package holds files that nobody needs: ${others.join(', ')}`);
  for (const start of ['dist/esm', 'dist/cjs', 'docs', 'lua', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    if (!files.some((file) => file.startsWith(path.normalize(start)))) throw new Error(`The package lacks ${start}`);
  }
}

/** Copies an application, with the sources of the template if it has none. */
function copyApplication(name) {
  const folder = path.join(work, name);
  if (!existsSync(path.join(CONSUMERS, name, 'src'))) {
    const isCommonJs = JSON.parse(readFileSync(path.join(CONSUMERS, name, 'package.json'), 'utf8')).type !== 'module';
    copySources(path.join(CONSUMERS, 'template'), folder, isCommonJs);
    // Backends with faults, which the contract in the package must find.
    copySources(path.join(ROOT, 'test/testing/contract'), path.join(folder, 'test/contract'), isCommonJs);
  }
  cpSync(path.join(CONSUMERS, name), folder, { recursive: true, filter: (file) => !file.includes('node_modules') });
  return folder;
}

/** Copies the sources of a folder. In CommonJS they import without a suffix, as generated by `nest new`. */
function copySources(from, to, isCommonJs) {
  for (const file of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.spec.ts')) continue;
    const source = readFileSync(path.join(from, file), 'utf8');
    mkdirSync(path.dirname(path.join(to, file)), { recursive: true });
    writeFileSync(path.join(to, file), isCommonJs ? source.replace(/(from '\.{1,2}\/[^']+)\.js'/g, "$1'") : source);
  }
}

async function install(folder, tarball) {
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  await run(folder, NPM, 'ci', ...flags);
  if (tarball !== undefined) await run(folder, NPM, 'install', '--no-save', '--no-package-lock', ...flags, tarball);
}

/** Starts the application and sends it requests. */
async function assertLimits(folder, file, node) {
  const child = spawn(node, [file], {
    timeout: STEP_TIMEOUT_MS,
    cwd: folder,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (log += text));
  try {
    let url;
    for await (const line of createInterface(child.stdout)) {
      log += `${line}\n`;
      if (/^http:/.test(line)) url = line;
      if (url !== undefined) break;
    }
    if (url === undefined) throw new Error(`It ended before it listened:\n${log}`);
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await fetch(url)).status);
    if (statuses.join(' ') !== '200 200 429')
      throw new Error(`Expected 200 200 429, got ${statuses.join(' ')}:\n${log}`);
  } finally {
    child.kill();
  }
}

/** Returns the other versions of Node that have binaries for this machine. */
async function installNodes() {
  const folder = copyApplication('node-versions');
  await install(folder);
  const modules = path.join(folder, 'node_modules');
  return readdirSync(modules, { withFileTypes: true })
    .filter((entry) => /^node\d+$/.test(entry.name) && existsSync(path.join(modules, entry.name, 'bin/node')))
    .map(({ name }) => ({ name, path: path.join(modules, name, 'bin/node') }));
}

async function test(name, tarball, nodes) {
  const { scripts, servers, onEveryNode = false, node } = APPLICATIONS[name];
  const own = { name: `Node ${process.versions.node}`, path: process.execPath };
  const [first, ...others] = node === undefined ? [own, ...nodes] : nodes.filter((one) => one.name === node);
  if (first === undefined) return console.log(`- ${name}: skipped, there is no ${node} for this machine`);
  const folder = copyApplication(name);
  const isInstalled = await step(`${name}: npm ci`, () => install(folder, tarball));
  let isBuilt = isInstalled;
  for (const script of isInstalled ? scripts : []) {
    const hasPassed = await step(`${name}: npm run ${script}`, () =>
      runOn(first.path, folder, NPM, 'run', '--silent', script),
    );
    if (script === 'build') isBuilt = hasPassed;
  }
  const runtimes = [first, ...(onEveryNode ? others : [])];
  for (const server of isBuilt ? servers : []) {
    for (const runtime of runtimes) {
      await step(`${name}: ${server} on ${runtime.name}`, () => assertLimits(folder, server, runtime.path));
    }
  }
  rmSync(folder, { recursive: true, force: true });
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(APPLICATIONS, name));
if (unknown.length > 0) {
  console.error(`expected names among ${Object.keys(APPLICATIONS).join(', ')}, got ${unknown.join(', ')}`);
  process.exit(1);
}
const tarball = await packLibrary();
await step('the packed files', assertContents);
const queue = wanted.length > 0 ? wanted : Object.keys(APPLICATIONS);
const needsNodes = queue.some((name) => APPLICATIONS[name].onEveryNode || APPLICATIONS[name].node !== undefined);
const nodes = needsNodes ? await installNodes() : [];
async function testQueued() {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) await test(name, tarball, nodes);
}
await Promise.all(Array.from({ length: PARALLEL }, testQueued));
console.log(`\n${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed > 0 ? 1 : 0;
