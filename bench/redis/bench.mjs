import { askOnce } from '../lib/child.mjs';
import { RedisServer } from '../lib/redis.mjs';
import { interleaved } from '../lib/rounds.mjs';
import { printTable, showRatio } from '../lib/table.mjs';
import { ALL, DENIED, FLOOR, LEASED, NEST_LAB, OURS, PEERS, UNLEASED } from './limiters.mjs';

/** Decisions on Redis. */
export async function redis({ isQuick }) {
  const server = await RedisServer.start();
  try {
    const measured = (inFlight, limits) => loop(server, isQuick, inFlight, limits);
    const one = await measured(1, 1);
    await measured(16, 1);
    const some = await measured(64, 1);
    const many = await measured(256, 1);
    const three = await measured(64, 3);
    return {
      'redis: 1 in flight, p50 / floor': one.ratio(OURS, FLOOR, 'p50Ms').median,
      'redis: 64 in flight / best peer': worst(some, 'perSecond', Math.min),
      'redis: 64 in flight, p99 / best peer': worst(some, 'p99Ms', Math.max),
      'redis: 256 in flight / best peer': worst(many, 'perSecond', Math.min),
      'redis: three limits / nest-lab': three.ratio(OURS, NEST_LAB, 'perSecond').median,
      ...(await denied(server, isQuick)),
      ...(await leased(server, isQuick)),
    };
  } finally {
    await server.stop();
  }
}

/** Ours over each of the peers: the ratio that is worst for us. */
function worst(samples, figure, pick) {
  return pick(...PEERS.map((peer) => samples.ratio(OURS, peer, figure).median));
}

async function loop({ port }, isQuick, inFlight, limits) {
  const file = new URL('./loop.mjs', import.meta.url);
  const about = { port, limits, inFlight, forMs: isQuick ? 500 : 1500 };
  const samples = await interleaved(ALL, isQuick ? 2 : 3, (variant) =>
    askOnce(file, 'measure', { ...about, variant }, { label: `redis-${inFlight}-${limits}-${variant}` }),
  );
  const limited = limits === 1 ? 'one limit' : 'three limits a decision';
  const rows = samples.variants.map((variant) => ({
    [limited]: variant,
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
  printTable(`Redis: ${inFlight} in flight, ${limited}, each allowed`, rows, [
    'A decision: round trips are writes to the socket; server us is the time in scripts (INFO commandstats), server CPU all of its process.',
  ]);
  return samples;
}

async function denied(server, isQuick) {
  const title = 'Redis: one subject, that is denied, with deny memory';
  const figures = {};
  for (const [inFlight, samples] of await oneSubject(server, isQuick, OURS, DENIED, title)) {
    figures[`redis: ${inFlight} in flight, denied / allowed`] = samples.ratio(DENIED, OURS, 'perSecond').median;
  }
  return figures;
}

async function leased(server, isQuick) {
  const title = 'Redis: one subject, leased in batches of 100';
  const figures = {};
  for (const [inFlight, samples] of await oneSubject(server, isQuick, UNLEASED, LEASED, title)) {
    const place = `redis: ${inFlight} in flight, leased`;
    figures[`${place} / unleased`] = samples.ratio(LEASED, UNLEASED, 'perSecond').median;
    figures[`${place}, round trips per 100`] = 100 * samples.median(LEASED, 'roundTrips');
  }
  return figures;
}

/** A variant beside the one that asks Redis each time, with 1 and 64 in flight. */
async function oneSubject({ port }, isQuick, base, variant, title) {
  const file = new URL('./loop.mjs', import.meta.url);
  const rows = [];
  const pairs = new Map();
  for (const inFlight of [1, 64]) {
    const about = { port, limits: 1, inFlight, forMs: isQuick ? 500 : 1500, clients: 1 };
    const samples = await interleaved([base, variant], isQuick ? 2 : 3, (name) =>
      askOnce(file, 'measure', { ...about, variant: name }, { label: `redis-one-subject-${inFlight}-${name}` }),
    );
    for (const name of samples.variants) {
      rows.push({
        'in flight': inFlight,
        'one subject': name,
        'decisions/s': Math.round(samples.median(name, 'perSecond')),
        [`x ${base}`]: showRatio(samples.ratio(name, base, 'perSecond')),
        'p50 ms': samples.median(name, 'p50Ms'),
        'p99 ms': samples.median(name, 'p99Ms'),
        'round trips per 100': 100 * samples.median(name, 'roundTrips'),
        'client CPU us': samples.median(name, 'clientMicros'),
        failed: samples.max(name, 'failed'),
      });
    }
    pairs.set(inFlight, samples);
  }
  printTable(title, rows);
  return pairs;
}
