// Reads CPU profiles written by `npm run bench -- ... --profiles <folder>`, and prints where the time is spent: `npm
// --prefix bench run profile -- <file> ...`. Self time by function, and by package.
import { readFileSync } from 'node:fs';
import { printTable } from './lib/table.mjs';

const MOST = 30;

/** Returns the self time of each node, in microseconds. */
function selfMicros({ samples, timeDeltas }) {
  const micros = new Map();
  samples.forEach((id, i) => {
    micros.set(id, (micros.get(id) ?? 0) + Math.max(0, timeDeltas[i]));
  });
  return micros;
}

/** `node:internal/process/promises`, `fastify/lib/reply.js`, `sluice/service/calls.js`. */
function placeOf({ url }) {
  if (url === '') return '(V8)';
  const [, inPackage] = /.*\/node_modules\/((?!\.cache).*)/.exec(url) ?? [];
  const [, inDist] = /\/dist(?:-\w+)?\/(?:esm\/)?(.*)/.exec(url) ?? [];
  return inPackage ?? (inDist === undefined ? url.replace(/^.*\/bench\//, 'bench/') : `sluice/${inDist}`);
}

function packageOf(place) {
  if (place.startsWith('node:')) return 'node';
  const [first, second] = place.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

function add(sums, key, micros) {
  sums.set(key, (sums.get(key) ?? 0) + micros);
}

function print(title, column, sums, total) {
  const most = [...sums].sort(([, a], [, b]) => b - a).slice(0, MOST);
  const rows = most.map(([name, micros]) => ({
    [column]: name,
    ms: Math.round(micros / 1000),
    '%': (micros / total) * 100,
  }));
  printTable(title, rows);
}

for (const file of process.argv.slice(2)) {
  const profile = JSON.parse(readFileSync(file, 'utf8'));
  const micros = selfMicros(profile);
  const functions = new Map();
  const packages = new Map();
  let total = 0;
  for (const { id, callFrame } of profile.nodes) {
    const spent = micros.get(id) ?? 0;
    if (spent === 0 || callFrame.functionName === '(idle)') continue;
    const place = placeOf(callFrame);
    total += spent;
    add(packages, place === '(V8)' ? callFrame.functionName : packageOf(place), spent);
    add(functions, `${callFrame.functionName || '(anonymous)'} ${place}:${callFrame.lineNumber + 1}`, spent);
  }
  print(
    `${file.split('/').at(-1)}: self time by package, of ${Math.round(total / 1000)} ms busy`,
    'package',
    packages,
    total,
  );
  print('Self time by function', 'function', functions, total);
}
