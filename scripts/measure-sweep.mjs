/**
 * Measures the memory backend with a million subjects: heap bytes per subject, time to insert, and the longest stall of
 * the event loop while all of them expire and are swept. Run it with `npm run measure:sweep [subjects]`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { definePolicy, ManualClock, MemoryBackend } from '../dist/esm/index.js';

const SUBJECTS = Number(process.argv[2] ?? 1_000_000);
const HIT_ROUNDS = 200_000;
const STRATEGIES = ['sliding-window', 'fixed-window', 'token-bucket'];

const collect = globalThis.gc ?? (() => {});

function heapBytes() {
  collect();
  return process.memoryUsage().heapUsed;
}

/**
 * Returns the longest turn of the event loop until `until` is true, measured by a probe in every turn and by Node's
 * histogram.
 */
async function worstStall(until) {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  let worstMs = 0;
  let last = performance.now();
  while (!until()) {
    await turn();
    const now = performance.now();
    worstMs = Math.max(worstMs, now - last);
    last = now;
  }
  histogram.disable();
  return { worstMs, histogramMs: histogram.max / 1e6 };
}

const subjectOf = (i) => `ip:10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;

async function measure(strategy) {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const backend = new MemoryBackend({ clock, maxKeys: SUBJECTS });
  const policy = definePolicy('measured', { rate: '100/min', strategy });
  const hit = (i) => backend.spend([{ policy, subject: subjectOf(i), cost: 1 }]);

  const before = heapBytes();
  let startedAt = performance.now();
  let worstInsertMs = 0;
  for (let i = 0; i < SUBJECTS; i++) {
    const at = performance.now();
    hit(i);
    worstInsertMs = Math.max(worstInsertMs, performance.now() - at);
    // Lets the event loop turn, as between requests, so that the sweep also runs.
    if (i % 1000 === 0) await turn();
  }
  const insertMs = performance.now() - startedAt;
  const bytes = (heapBytes() - before) / backend.size;

  startedAt = performance.now();
  for (let i = 0; i < HIT_ROUNDS; i++) hit((i * 7919) % SUBJECTS);
  const hitMs = performance.now() - startedAt;

  const idle = await worstStall(
    (
      (end) => () =>
        performance.now() > end
    )(performance.now() + 1000),
  );
  clock.advance(3_600_000);
  startedAt = performance.now();
  const sweep = await worstStall(() => backend.size === 0);
  const sweepMs = performance.now() - startedAt;
  await backend.close();

  return {
    strategy,
    'heap bytes per key': Math.round(bytes),
    'insert us per key': Number(((insertMs * 1000) / SUBJECTS).toFixed(2)),
    'worst insert ms': Number(worstInsertMs.toFixed(1)),
    'hit us': Number(((hitMs * 1000) / HIT_ROUNDS).toFixed(2)),
    'stall ms, nothing expired': Number(idle.worstMs.toFixed(1)),
    'stall ms, all expired': Number(sweep.worstMs.toFixed(1)),
    'by histogram': Number(sweep.histogramMs.toFixed(1)),
    'swept in s': Number((sweepMs / 1000).toFixed(1)),
    'heap left, MB': Number(((heapBytes() - before) / 2 ** 20).toFixed(1)),
  };
}

const rows = [];
for (const strategy of STRATEGIES) rows.push(await measure(strategy));
console.log(
  `${SUBJECTS} subjects, Node ${process.version}${globalThis.gc ? '' : ', without --expose-gc: heap figures are rough'}`,
);
console.table(Object.fromEntries(rows.map(({ strategy, ...figures }) => [strategy, figures])));
