/**
 * Runs four processes on a single Redis and on a Cluster while a nemesis breaks something every few seconds, and checks
 * that no bound is violated: the decisions of each Redis keep the promises of the strategies, and so do the local
 * decisions of each process while it reports `degraded`. Servers that lose their counters allow the limit once more.
 *
 * Needs redis-server and redis-cli on the PATH, and a build: `npm run test:soak` takes ten minutes,
 * `npm run test:soak -- --minutes=2` two. `--seed=7` repeats the order of faults. Exits with code 1 if a goal is
 * missed.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { checkTheChecks, growthOf, NONE, worstOf } from './soak/bounds.mjs';
import { nemeses } from './soak/nemesis.mjs';
import { PERIOD, POLICIES } from './soak/policies.mjs';
import '../test/support/typescript.mjs';

const { connect, RedisCluster, RedisServer } = await import('../test/support/redis/redis.ts');
const { RedisProxy } = await import('../test/support/redis/redis-proxy.ts');
const { slotOf } = await import('../dist/esm/backends/redis/redis-keys.js');

const WORKERS = 4;
/** The clock errors with which workers begin. */
const SKEWS_MS = [0, 7000, -7000, 3_600_000];
const MAX_SLOPE_MB = 1;
/** The longest time that a process may take to close, on a loaded machine. */
const CLOSE_MS = 120_000;
/** The share of a run whose heap is not measured, because code is still being compiled. */
const WARM_SHARE = 0.3;
/** One sample every three seconds for a minute. */
const MIN_HEAP_SAMPLES = 20;

const option = (name, otherwise) => {
  const given = process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1];
  const value = given === undefined ? otherwise : Number(given);
  if (!(value > 0)) throw new Error(`--${name}: expected a number above 0, got ${given}`);
  return value;
};
const minutes = option('minutes', Number(process.env.SOAK_MINUTES ?? 10));
const seed = option('seed', 1 + Math.floor(Math.random() * 1_000_000));
let state = seed;
/** Park and Miller's generator. */
const random = () => {
  state = (state * 48_271) % 2_147_483_647;
  return state / 2_147_483_647;
};

const SHIM = fileURLToPath(new URL('../test/backends/redis/support/shift-clock.mjs', import.meta.url));
const WORKER = fileURLToPath(new URL('./soak/worker.mjs', import.meta.url));

/** The admitted units, by the server or process that decided, policy and subject. */
const admitted = new Map();
/** The same by the process that asked, whoever decided. */
const seen = new Map();
const totals = { calls: 0, denied: 0, degraded: 0, errors: 0 };
const escaped = [];
const heaps = [];

function listOf(lists, path) {
  const key = JSON.stringify(path);
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

/** A process of the soak. A restarted worker is a new process with new local counters. */
class Worker {
  #process;
  #life = 0;

  constructor(name) {
    this.name = name;
  }

  async start(shiftMs, target) {
    this.target = target;
    this.#life += 1;
    const life = `${this.name}.${this.#life}`;
    const heap = [];
    heaps.push(heap);
    const startedAt = Date.now();
    this.#process = fork(WORKER, {
      execArgv: ['--expose-gc', '--import', SHIM],
      env: { ...process.env, SHIFT_MS: String(shiftMs) },
    });
    const ready = new Promise((resolve) => {
      this.#process.on('message', (message) => {
        if (message.isReady) resolve();
        this.#collect(life, message, heap, startedAt);
      });
    });
    this.#process.send(target);
    await ready;
  }

  #collect(life, { admitted: units, figures, heapMb, lastError, escaped: own = [] }, heap, startedAt) {
    for (const unit of units) {
      const { on, policy, subject, isLocal } = unit;
      listOf(admitted, [on, policy, subject, isLocal ? life : '']).push(unit);
      listOf(seen, [on, policy, subject, life]).push(unit);
    }
    if (heapMb !== undefined) heap.push({ minute: (Date.now() - startedAt) / 60_000, mb: heapMb });
    for (const [name, count] of Object.entries(figures ?? {})) totals[name] += count;
    if (lastError) escaped.push(`a call rejected: ${lastError}`);
    escaped.push(...own);
  }

  freeze() {
    this.#process.kill('SIGSTOP');
  }

  thaw() {
    this.#process.kill('SIGCONT');
  }

  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
      escaped.push(`${this.name} ended by itself (${this.#process.exitCode ?? this.#process.signalCode})`);
      return;
    }
    const ended = once(this.#process, 'exit');
    const stuck = setTimeout(() => {
      escaped.push(`${this.name} did not close within ${CLOSE_MS} ms`);
      this.#process.kill('SIGKILL');
    }, CLOSE_MS);
    this.#process.send('stop');
    await ended;
    clearTimeout(stuck);
  }

  async restart(shiftMs) {
    await this.stop();
    await this.start(shiftMs, this.target);
  }
}

checkTheChecks();
const single = await RedisServer.start();
const cluster = await RedisCluster.start();
await cluster.configure('cluster-replica-no-failover', 'yes');
const proxy = await RedisProxy.start(single);
const workers = Array.from({ length: WORKERS }, (_, i) => new Worker(`worker ${i}`));
const counts = {};
const losses = [];
try {
  const target = { port: proxy.address.port, nodes: cluster.servers.map(({ port }) => port) };
  await Promise.all(workers.map((worker, i) => worker.start(SKEWS_MS[i % SKEWS_MS.length], target)));
  const faults = nemeses({
    single,
    proxy,
    cluster,
    workers,
    // A client that cannot connect must not retry forever.
    connect: (server) => connect(server, { retryStrategy: () => null }),
    slotOf: (subject) => slotOf(`{${subject}}`),
    random,
  });
  const names = Object.keys(faults);
  const endsAt = Date.now() + minutes * 60_000;
  while (Date.now() < endsAt) {
    await pause(1000 + random() * 2000);
    const name = names[Math.floor(random() * names.length)];
    const loss = await faults[name]();
    if (loss !== undefined) losses.push(loss);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  await pause(1000);
} finally {
  proxy.release();
  single.thaw();
  await Promise.all(workers.map((worker) => worker.stop()));
  await proxy[Symbol.asyncDispose]();
  await Promise.all([single, cluster].map((server) => server[Symbol.asyncDispose]()));
}

const excesses = [];
const rows = [];
const note = (what, measured, goal, isMet) => {
  rows.push({ what, measured, goal, met: isMet ? 'yes' : 'NO' });
  if (!isMet) process.exitCode = 1;
};
for (const policy of Object.keys(POLICIES)) {
  for (const decidedBy of ['single', 'cluster', 'a process alone']) {
    let [worst, units] = [NONE, 0];
    for (const [key, list] of admitted) {
      const [on, name, , life] = JSON.parse(key);
      if (name !== policy || (life === '' ? on : 'a process alone') !== decidedBy) continue;
      const lost = life === '' ? losses.filter((loss) => loss.on === on) : [];
      const fullest = worstOf(
        policy,
        list.map(({ at }) => at),
        lost,
      );
      if (fullest.share > worst.share) worst = { ...fullest, key };
      units += list.length;
    }
    const share = `${(100 * worst.share).toFixed(1)} % of what is allowed, ${units} admitted`;
    note(`${policy}, decided by ${decidedBy}: the fullest time`, share, '<= 100 %', worst.share <= 1);
    if (worst.share > 1) excesses.push(worst);
  }
}
note('calls that rejected', totals.errors, 0, totals.errors === 0);
note('unhandled rejections, uncaught exceptions, ends', escaped.length, 0, escaped.length === 0);
const slopes = heaps
  .map((heap) => heap.slice(Math.ceil(heap.length * WARM_SHARE)))
  // A short-lived process has too few samples to distinguish a leak from noise.
  .filter((heap) => heap.length >= MIN_HEAP_SAMPLES)
  .map(growthOf);
const slope = Math.max(0, ...slopes);
note(
  `steepest heap after gc, of ${slopes.length} processes`,
  slopes.length === 0 ? 'too short to tell' : `${slope.toFixed(2)} MB/min`,
  `< ${MAX_SLOPE_MB} MB/min`,
  slope < MAX_SLOPE_MB,
);

console.log(
  `${minutes} minutes, seed ${seed}; Node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)}`,
);
console.log(`calls ${totals.calls}: denied ${totals.denied}, decided by a process alone ${totals.degraded}`);
console.table(counts);
console.table(rows);
for (const text of new Set(escaped)) console.error(text);
for (const excess of excesses) describe(excess);

/**
 * Prints all units about the time of an excess, by the process that asked: when each was admitted by the clock that
 * decided, and by that of the process. They tell whether too much was admitted, or an instant is wrong.
 */
function describe({ key, from, to }) {
  const [on, policy, subject, life] = JSON.parse(key);
  console.error(`${key}: more than allowed from ${from} to ${to}`);
  for (const loss of losses) if (loss.to > from - 2 * PERIOD && loss.from < to) console.error('lost', loss);
  for (const [path, units] of seen) {
    const [where, name, who, asked] = JSON.parse(path);
    if (where !== on || name !== policy || who !== subject || (life !== '' && asked !== life)) continue;
    for (const { at, ownMs, isLocal } of units) {
      if (at < from - 2 * PERIOD || at > to + PERIOD) continue;
      console.error(`${asked}: ${at - from} ms, own clock ${ownMs - from} ms${isLocal ? ', by itself' : ''}`);
    }
  }
}
