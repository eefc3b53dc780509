// A process that calls one limiter, with a number of decisions in flight.
import { setTimeout as pause } from 'node:timers/promises';
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';
import { connectPlain } from '../lib/redis.mjs';
import { quantile } from '../lib/stats.mjs';
import { openLimiter } from './limiters.mjs';

const RUNS_SCRIPTS = ['eval', 'evalsha'];

/** Counts the traffic of a client's socket: writes, each of which waits for a reply, and bytes. */
function tap({ stream }) {
  const seen = { writes: 0, bytes: 0 };
  const write = stream.write.bind(stream);
  stream.write = (chunk, ...rest) => {
    seen.writes += 1;
    seen.bytes += Buffer.byteLength(chunk);
    return write(chunk, ...rest);
  };
  return seen;
}

/** Keeps `inFlight` decisions in flight for `forMs` milliseconds. Returns the latency of each, in ms. */
async function closedLoop(decide, subjects, inFlight, forMs) {
  const endsAt = performance.now() + forMs;
  const latencies = [];
  let failed = 0;
  let next = 0;
  const worker = async () => {
    for (let at = performance.now(); at < endsAt; ) {
      try {
        await decide(subjects[next++ % subjects.length]);
      } catch {
        failed += 1;
      }
      const now = performance.now();
      latencies.push(now - at);
      at = now;
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { latencies, failed, seconds: (performance.now() - startedAt) / 1000 };
}

/** Returns the microseconds that the server spent in scripts, and in total. */
async function serverMicros(admin) {
  const stats = await admin.info('commandstats');
  const inScripts = RUNS_SCRIPTS.map((name) =>
    Number(new RegExp(`cmdstat_${name}:.*?usec=(\\d+)`).exec(stats)?.[1] ?? 0),
  );
  const cpu = await admin.info('cpu');
  const seconds = [...cpu.matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)].map(([, value]) => Number(value));
  return { scripts: inScripts.reduce((a, b) => a + b), all: seconds.reduce((a, b) => a + b) * 1e6 };
}

/** Returns the bytes that the server stores per subject, over all of its keys. */
async function bytesASubject(admin, subjects) {
  let bytes = 0;
  for await (const keys of admin.scanStream({ count: 1000 })) {
    const sizes = await Promise.all(keys.map((key) => admin.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')));
    for (const size of sizes) bytes += Number(size);
  }
  return bytes / subjects.length;
}

async function measure({ variant, port, limits, inFlight, forMs, clients = 1000 }) {
  const subjects = Array.from({ length: clients }, (_, i) => `user:${1_000_000 + i}`);
  const admin = await connectPlain(port);
  const { client, decide } = await openLimiter(variant, port, limits);
  await admin.flushall();
  await closedLoop(decide, subjects, inFlight, forMs / 3); // warms up
  const seen = tap(client);
  const before = await serverMicros(admin);
  const cpuBefore = cpuMicros();
  const { latencies, failed, seconds } = await closedLoop(decide, subjects, inFlight, forMs);
  const clientMicros = cpuMicros() - cpuBefore;
  const after = await serverMicros(admin);
  const count = latencies.length;
  const figures = {
    perSecond: count / seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    roundTrips: seen.writes / count,
    bytesSent: seen.bytes / count,
    serverMicros: (after.scripts - before.scripts) / count,
    serverCpuMicros: (after.all - before.all) / count,
    clientMicros: clientMicros / count,
    bytesASubject: await bytesASubject(admin, subjects),
    failed,
  };
  client.disconnect();
  admin.disconnect();
  await pause(1);
  return figures;
}

/** Decisions between two reads of the clock: a read costs as much as a decision without the server. */
const A_LOOK = 100;

/**
 * Keeps decisions on one subject in flight for `forMs` milliseconds, and measures all of them together, because most
 * are decided in the process.
 */
async function measureHeld({ variant, port, inFlight, forMs }) {
  const { client, decide } = await openLimiter(variant, port, 'one');
  let [count, failed] = [0, 0];
  const decideFor = async (ms) => {
    [count, failed] = [0, 0];
    const startedAt = performance.now();
    const worker = async () => {
      while (performance.now() < startedAt + ms) {
        for (let i = 0; i < A_LOOK; i++) {
          try {
            await decide('user:1000000');
          } catch {
            failed += 1;
          }
        }
        count += A_LOOK;
        // A reply can be read only when the event loop turns.
        await new Promise(setImmediate);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    return (performance.now() - startedAt) * 1000;
  };
  await decideFor(forMs / 3); // warms up
  const seen = tap(client);
  const cpuBefore = cpuMicros();
  const micros = await decideFor(forMs);
  const clientMicros = cpuMicros() - cpuBefore;
  client.disconnect();
  const roundTripsPer100 = (100 * seen.writes) / count;
  return { micros: micros / count, clientMicros: clientMicros / count, roundTripsPer100, failed };
}

answer({ measure, measureHeld });
