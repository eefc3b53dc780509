/**
 * Measures the effect of an unhealthy Redis on callers, with real servers that it starts on the loopback, and prints
 * the results next to the goals. Needs redis-server and redis-cli on the PATH, and a build: `npm run build`, then `node
 * scripts/faults.mjs`. The scenarios are those of the tests (test/support/redis), run on dist/esm. Exits with code 1 if
 * a goal is missed.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transformSync } from '@swc/core';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = new URL('../dist/esm/', import.meta.url);
await import(new URL('index.js', dist));

// Next to the dependencies, so that `ioredis` is found from there.
const cache = path.join(root, 'node_modules/.cache');
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(path.join(cache, 'faults-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
for (const file of readdirSync(path.join(root, 'test/support/redis'))) {
  if (!/^(?:fault|redis|state-decoder)[\w-]*\.ts$/.test(file)) continue;
  const { code } = transformSync(readFileSync(path.join(root, 'test/support/redis', file), 'utf8'), {
    jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    module: { type: 'es6' },
    swcrc: false,
  });
  writeFileSync(
    path.join(folder, file.replace(/ts$/, 'js')),
    code.replaceAll("'../../../src/", `'${dist}`).replaceAll('"../../../src/', `"${dist}`),
  );
}
const load = (file) => import(pathToFileURL(path.join(folder, file)));

let unhandled = 0;
process.on('unhandledRejection', () => {
  unhandled += 1;
});

const rows = [];
const note = (scenario, what, measured, goal) => {
  const isMet = measured <= goal;
  rows.push({ scenario, what, measured: Number(measured.toFixed(3)), goal: `<= ${goal}`, met: isMet ? 'yes' : 'NO' });
  if (!isMet) process.exitCode = 1;
};

/** The backend's default deadline instead of the longer one of the tests. */
const TIMEOUT_MS = 100;

const { frozen, lostReplies, scriptFlushes } = await load('fault-scenarios.js');
const { sentinelMasterFrozen } = await load('fault-sentinel.js');
const { clusterLostReplies, clusterMasterKilled } = await load('fault-cluster.js');
const { oneMasterFrozen, resharded } = await load('fault-masters.js');
const { connect, pause, RedisCluster } = await load('redis.js');

const still = await frozen(() => pause(5000), TIMEOUT_MS);
note('frozen 5 s, 50 in flight', 'worst decision after its deadline, ms', still.worstOverDeadlineMs, 10);
note('', `p99 with the breaker open, ms (${still.whileOpen} decisions)`, still.p99OpenMs, 1);
note('', `charges of calls that timed out (${still.answered} answered)`, Math.abs(still.charged - still.answered), 0);

const lost = await lostReplies((proxy) => connect(proxy), 1000);
note('lost replies, 1 000 calls', `double charges (${lost.cuts} connections cut)`, lost.twice, 0);
note('', `answered and not charged exactly once (${lost.answered} answered)`, lost.wrong, 0);

const flushed = await scriptFlushes(500);
note(`SCRIPT FLUSH, ${flushed.flushes} in 5 s`, `errors (${flushed.calls} calls)`, flushed.errors, 0);
note('', 'admitted beside the limit', Math.abs(flushed.admitted - flushed.limit), 0);

const cluster = await RedisCluster.start();
try {
  const across = await clusterLostReplies(cluster);
  note('cluster, lost replies, 300 calls', `double charges (${across.cuts} connections cut)`, across.twice, 0);
  const killed = await clusterMasterKilled(cluster, TIMEOUT_MS);
  note('cluster, master killed', 'writing again after, ms', killed.writingAgainMs, 5000);
  note('', `admitted above a limit of ${killed.limit} across slots`, Math.max(0, killed.admitted - killed.limit), 0);
} finally {
  await cluster[Symbol.asyncDispose]();
}

const masters = await RedisCluster.start(0);
try {
  const frozenMaster = await oneMasterFrozen(masters, 3000, TIMEOUT_MS);
  note(
    'cluster, 1 of 3 masters frozen',
    `calls on the others that fell back (of ${frozenMaster.healthy})`,
    frozenMaster.fellBack,
    0,
  );
  const moved = await resharded(masters, 12, TIMEOUT_MS);
  const isDegraded = ({ type }) => type === 'degraded';
  note(
    `cluster, ${moved.moves} slots resharded`,
    'times that a breaker opened',
    moved.events.filter(isDegraded).length,
    0,
  );
  note('', `calls that fell back (of ${moved.calls})`, moved.fellBack, 0);
  note('', `units charged above or below (${moved.whileMoving} decided while moving)`, moved.difference, 0);
} finally {
  await masters[Symbol.asyncDispose]();
}

const sentinel = await sentinelMasterFrozen(TIMEOUT_MS);
const goalMs = sentinel.downAfterMs + 5000;
note(
  'Sentinel, master frozen',
  `writing again after, ms (down-after ${sentinel.downAfterMs})`,
  sentinel.writingAgainMs,
  goalMs,
);
note('', 'charges of calls that were not answered', Math.abs(sentinel.charged - sentinel.answered), 0);
note('all of them', 'unhandled rejections', unhandled, 0);

console.log(`Node ${process.version}`);
console.table(rows);
