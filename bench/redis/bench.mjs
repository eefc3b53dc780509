import { askOnce } from '../lib/child.mjs';
import { RedisServer } from '../lib/redis.mjs';
import { interleaved } from '../lib/rounds.mjs';
import { printTable, showRatio } from '../lib/table.mjs';
import { ALL, DENIED, FLOOR, LEASED, NEST_LAB, OURS, OURS_FIXED, PEERS } from './limiters.mjs';
import { stateSizes } from './state-sizes.mjs';

const LOOP = new URL('./loop.mjs', import.meta.url);
const TITLES = { one: 'one limit', three: 'three limits a decision', mixed: 'one of 20 limits at random' };

const isLess = (a, b) => a < b;
const isMore = (a, b) => a > b;

/** Decisions on Redis. */
export async function redis({ isQuick }) {
  const server = await RedisServer.start();
  try {
    const measured = (inFlight, limits) => loop(server, isQuick, inFlight, limits);
    const one = await measured(1, 'one');
    if (!isQuick) await measured(16, 'one');
    const some = await measured(64, 'one');
    const many = await measured(256, 'one');
    const three = await measured(64, 'three');
    const mixed = await measured(64, 'mixed');
    const toBestPeer = (samples, variant) => samples.worstRatio(variant, PEERS, 'perSecond', isLess);
    return {
      'redis: 1 in flight, p50 / floor': one.ratio(OURS, FLOOR, 'p50Ms'),
      'redis: 64 in flight / best peer': toBestPeer(some, OURS),
      'redis: 64 in flight, p99 / best peer': some.worstRatio(OURS, PEERS, 'p99Ms', isMore),
      'redis: 256 in flight / best peer': toBestPeer(many, OURS),
      'redis: 256 in flight, fixed-window / best peer': toBestPeer(many, OURS_FIXED),
      'redis: three limits / nest-lab': three.ratio(OURS, NEST_LAB, 'perSecond'),
      'redis: mixed / best peer': toBestPeer(mixed, OURS),
      ...(await held(server, isQuick)),
      ...(await sizes(server)),
    };
  } finally {
    await server.stop();
  }
}

async function loop({ port }, isQuick, inFlight, limits) {
  const about = { port, limits, inFlight, forMs: isQuick ? 400 : 1500 };
  const samples = await interleaved(ALL, isQuick ? 2 : 5, (variant) =>
    askOnce(LOOP, 'measure', { ...about, variant }, { label: `redis-${inFlight}-${limits}-${variant}` }),
  );
  const title = TITLES[limits];
  const rows = samples.variants.map((variant) => ({
    [title]: variant,
    'decisions/s': Math.round(samples.median(variant, 'perSecond')),
    'x floor': showRatio(samples.ratio(variant, FLOOR, 'perSecond')),
    'p50 ms': samples.median(variant, 'p50Ms'),
    'p50 x floor': showRatio(samples.ratio(variant, FLOOR, 'p50Ms')),
    'p99 ms': samples.median(variant, 'p99Ms'),
    'round trips': samples.median(variant, 'roundTrips'),
    'bytes sent': Math.round(samples.median(variant, 'bytesSent')),
    'server us': samples.median(variant, 'serverMicros'),
    'server CPU us': samples.median(variant, 'serverCpuMicros'),
    'client CPU us': samples.median(variant, 'clientMicros'),
    'bytes a subject': Math.round(samples.median(variant, 'bytesASubject')),
    failed: samples.max(variant, 'failed'),
  }));
  printTable(`Redis: ${inFlight} in flight, ${title}, each allowed`, rows, [
    'A decision: round trips are writes to the socket; server us is the time in scripts (INFO commandstats), server CPU all of its process. Bytes a subject are of all its keys.',
  ]);
  return samples;
}

/** Decisions on one subject that are made in the process: cached denials, and a lease of 100 units. */
async function held({ port }, isQuick) {
  const figures = {};
  const rows = [];
  for (const inFlight of [1, 64]) {
    const about = { port, inFlight, forMs: isQuick ? 400 : 1500 };
    const samples = await interleaved([DENIED, LEASED], isQuick ? 2 : 5, (variant) =>
      askOnce(LOOP, 'measureHeld', { ...about, variant }, { label: `redis-held-${inFlight}-${variant}` }),
    );
    for (const variant of samples.variants) {
      const [, what] = variant.split(', ');
      figures[`redis: ${inFlight} in flight, ${what}, us`] = samples.spread(variant, 'clientMicros');
      figures[`redis: ${inFlight} in flight, ${what}, round trips per 100`] = samples.spread(
        variant,
        'roundTripsPer100',
      );
      rows.push({
        'in flight': inFlight,
        'one subject': variant,
        'CPU us a call': showRatio(samples.spread(variant, 'clientMicros')),
        'us a call': samples.median(variant, 'micros'),
        'round trips a 100': samples.median(variant, 'roundTripsPer100'),
        failed: samples.max(variant, 'failed'),
      });
    }
  }
  printTable('Redis: decided in the process', rows, ['The loop that asks is part of it.']);
  return figures;
}

async function sizes(server) {
  const all = await stateSizes(server);
  const rows = all.map(({ strategy, key, bytes, prototypeBytes }) => ({
    strategy,
    key,
    bytes,
    'the prototype': prototypeBytes,
  }));
  printTable('Redis: bytes of a subject that was charged once (MEMORY USAGE of its key)', rows);
  const ratios = all.map(({ bytes, prototypeBytes }) => bytes / prototypeBytes).filter(Number.isFinite);
  return { 'redis: bytes a subject / prototype': Math.max(...ratios) };
}
