/**
 * Runs `npm test` and `npm run test:rest` three times while two busy loops run, prints the time and the result of each,
 * and exits with code 1 if one failed: `npm run test:loaded`. To set other numbers: `npm run test:loaded -- <runs>
 * <loops>`. It kills only processes that it started.
 */
import { fork, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const file = fileURLToPath(import.meta.url);
const root = path.join(path.dirname(file), '..');
/** A run that takes longer than this is killed and fails. */
const RUN_MINUTES = 40;
const SLICE_MS = 100;
const SCRIPTS = ['test', 'test:rest'];

if (process.argv[2] === 'busy') spin();
else await main(...process.argv.slice(2).map(Number));

/** Keeps a core busy, and exits when its parent has ended. */
function spin() {
  process.once('disconnect', () => process.exit());
  const slice = () => {
    const until = performance.now() + SLICE_MS;
    while (performance.now() < until);
    setImmediate(slice);
  };
  slice();
}

async function main(runs = 3, loops = 2) {
  for (const [name, value] of Object.entries({ runs, loops })) {
    if (!Number.isInteger(value) || value < 0) throw new Error(`${name}: expected a whole number, got ${value}`);
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-loaded-'));
  const busy = Array.from({ length: loops }, () => fork(file, ['busy']));
  let running;
  const end = () => {
    for (const loop of busy) loop.kill('SIGKILL');
    if (running !== undefined) endGroup(running);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      end();
      process.exit(1);
    });
  }
  try {
    const plan = Array.from({ length: runs }, (_, i) => SCRIPTS.map((script) => ({ run: i + 1, script }))).flat();
    for (const { run, script } of plan) {
      const log = path.join(folder, `${run}-${script.replace(':', '-')}.log`);
      const { isGreen, seconds } = await test(script, log, (child) => {
        running = child;
      });
      running = undefined;
      const lines = readFileSync(log, 'utf8').split('\n');
      const counts = lines.findLast((line) => /^\d+ passed, \d+ failed/.test(line)) ?? 'ended before the last test';
      console.log(`run ${run} of ${runs}, ${script}: ${isGreen ? 'green' : 'RED'}, ${seconds} s, ${counts}`);
      if (isGreen) continue;
      process.exitCode = 1;
      for (const line of new Set(lines.filter((line) => /^\s+● /.test(line)))) console.log(line);
    }
  } finally {
    end();
    if (process.exitCode === 1) console.log(`The output of all runs is in ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a script once, in a separate process group, with its output in a file. */
async function test(script, log, started) {
  const startedAt = performance.now();
  const output = openSync(log, 'w');
  const child = spawn('npm', ['run', script], { cwd: root, detached: true, stdio: ['ignore', output, output] });
  started(child);
  const limit = setTimeout(() => endGroup(child), RUN_MINUTES * 60_000);
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  clearTimeout(limit);
  closeSync(output);
  return { isGreen: code === 0, seconds: Math.round((performance.now() - startedAt) / 1000) };
}

/** Kills a run and all processes that it has started. */
function endGroup({ pid }) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
