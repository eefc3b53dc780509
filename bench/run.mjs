/**
 * Measures the library beside its peers and prints tables; the last one is that of the goals.
 * `npm run bench`, or some of them: `npm run bench -- memory redis`. `--quick`: few and short rounds, for a look.
 * `--check`: ends with 1 where a goal of these benches is missed by more than noise.
 * `--profiles <folder>`: each process writes a CPU profile there, which `npm --prefix bench run profile` reads.
 * `--write`: puts the machine and the table of goals into docs/performance.md.
 * `--dist <folder>`: another build than that of this checkout.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { GOALS, isFailure, spreadOf, verdict } from './goals.mjs';
import { machine } from './lib/machine.mjs';
import { writePage } from './lib/performance-page.mjs';
import { printTable, show, showRatio } from './lib/table.mjs';

const BENCHES = ['memory', 'address', 'redis', 'guard', 'load', 'sockets', 'growth'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    profiles: { type: 'string' },
    dist: { type: 'string' },
  },
});
const unknown = positionals.find((name) => !BENCHES.includes(name));
if (unknown !== undefined) {
  console.error(`There is no bench "${unknown}". Known: ${BENCHES.join(', ')}.`);
  process.exit(1);
}

takeCopy();
if (values.profiles !== undefined) process.env.BENCH_PROFILES = path.resolve(values.profiles);

for (const line of machine()) console.log(line);
const startedAt = performance.now();
const figures = {};
for (const name of positionals.length > 0 ? positionals : BENCHES) {
  try {
    // Not before there is a copy, which they import.
    const { [name]: bench } = await import(`./${name}/bench.mjs`);
    Object.assign(figures, await bench({ isQuick: values.quick }));
  } catch (error) {
    // The others took long, too: what they found is told all the same.
    console.error(`${name}:`, error);
    process.exitCode = 1;
  }
}
printGoals();
console.log(`\n${Math.round((performance.now() - startedAt) / 1000)} s${values.quick ? ', --quick' : ''}`);

/** Beside the dependencies, so that they are found from there. A build meanwhile changes nothing that is measured. */
function takeCopy() {
  const cache = fileURLToPath(new URL('node_modules/.cache', import.meta.url));
  mkdirSync(cache, { recursive: true });
  const copy = mkdtempSync(path.join(cache, 'dist-'));
  process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  cpSync(values.dist ?? fileURLToPath(new URL('../dist/esm', import.meta.url)), copy, { recursive: true });
  process.env.BENCH_DIST = copy;
}

function printGoals() {
  const judged = GOALS.map((goal) => ({ goal, reached: verdict(goal, figures) }));
  // If benches were named, only their goals.
  const isShown = ({ reached }) => reached !== 'not run' || positionals.length === 0;
  printTable('Goals', judged.filter(isShown).map(rowOf), [
    'Measured: the median of the rounds, and their quartiles. "Within noise": a quartile reaches it.',
  ]);
  if (values.write)
    writePage(
      machine()
        .map((line) => `- ${line}`)
        .join('\n'),
      judged.map(rowOf),
    );
  if (values.check && judged.filter(isShown).some(({ reached }) => isFailure(reached))) process.exitCode = 1;
}

function rowOf({ goal, reached }) {
  return {
    goal: goal.what,
    against: goal.against,
    'to reach': goal.atMost === undefined ? `≥ ${show(goal.atLeast)}` : `≤ ${show(goal.atMost)}`,
    measured: measured(figures[goal.figure]),
    reached,
  };
}

function measured(figure) {
  if (figure === undefined) return '';
  return typeof figure === 'object' ? showRatio(spreadOf(figure)) : show(figure);
}
