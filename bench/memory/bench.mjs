import { askOnce } from '../lib/child.mjs';
import { interleaved } from '../lib/rounds.mjs';
import { printTable, show, showRatio } from '../lib/table.mjs';
import {
  AWAITED_FLOOR,
  AWAITED_SPEND,
  consumeOf,
  FLEXIBLE,
  FLOOR,
  HIT,
  OUTCOME_FLOOR,
  PEER_NAMES,
  STRATEGIES,
  spendOf,
  THROTTLER,
} from './limiters.mjs';

const ALL = [
  FLOOR,
  AWAITED_FLOOR,
  ...STRATEGIES.map(spendOf),
  OUTCOME_FLOOR,
  AWAITED_SPEND,
  ...STRATEGIES.map(consumeOf),
  HIT,
  ...PEER_NAMES,
];
const withoutLog = STRATEGIES.filter((strategy) => strategy !== 'sliding-log');
const isPeer = (variant) => PEER_NAMES.includes(variant);
const LIVES = [10, 1000, 100_000];
const LIVES_OF_LOG = [10, 1000, 9000];

/** Decisions in memory. */
export async function memory({ isQuick }) {
  const hot = await hits('hot', 'One hot key', isQuick);
  const many = await hits('many', '10 000 keys', isQuick);
  const tokenBucket = spendOf('token-bucket');
  return {
    'memory: hot, spend / floor': hot.ratio(tokenBucket, FLOOR, 'microsAHit'),
    'memory: 10 000 keys, spend / floor': many.ratio(tokenBucket, FLOOR, 'microsAHit'),
    'memory: 10 000 keys, flexible / spend': many.ratio(FLEXIBLE, tokenBucket, 'microsAHit'),
    'memory: 10 000 keys, throttler / spend': many.ratio(THROTTLER, tokenBucket, 'microsAHit'),
    'memory: 10 000 keys, spend / outcome floor, awaited': many.ratio(AWAITED_SPEND, OUTCOME_FLOOR, 'microsAHit'),
    'memory: 10 000 keys, consume / spend, awaited': many.ratio(consumeOf('token-bucket'), AWAITED_SPEND, 'microsAHit'),
    'memory: 10 000 keys, hit / spend, awaited': many.ratio(HIT, AWAITED_SPEND, 'microsAHit'),
    'memory: live hits, growth': await live(withoutLog, LIVES, isQuick),
    'memory: live hits of a log, growth': await live(['sliding-log'], LIVES_OF_LOG, isQuick),
    ...(await million(isQuick)),
  };
}

async function hits(workload, title, isQuick) {
  const file = new URL('./hits.mjs', import.meta.url);
  const count = isQuick ? 200_000 : 500_000;
  const samples = await interleaved(ALL, isQuick ? 1 : 3, (variant) =>
    askOnce(file, 'measure', { variant, workload, count }, { label: `memory-${workload}-${variant}` }),
  );
  const rows = samples.variants.map((variant) => ({
    [title]: variant,
    'CPU us a hit': samples.median(variant, 'microsAHit'),
    'x the floor': showRatio(samples.ratio(variant, FLOOR, 'microsAHit')),
    'decisions/s': Math.round(1e6 / samples.median(variant, 'microsAHit')),
    hits: samples.median(variant, 'hits'),
  }));
  printTable(`Memory: ${title.toLowerCase()}, each hit allowed`, rows, [
    'CPU of the whole process, the collector included; decisions/s are those of one core. Peers that slow down with each hit are stopped after 3 s of CPU.',
  ]);
  return samples;
}

/** How much more a hit takes where more hits are live: the worst strategy. */
async function live(strategies, lives, isQuick) {
  const file = new URL('./live.mjs', import.meta.url);
  const about = { lives, turns: isQuick ? 100 : 400 };
  const samples = await interleaved(strategies, isQuick ? 1 : 3, async (strategy) => {
    const micros = await askOnce(file, 'measure', { ...about, strategy }, { label: `memory-live-${strategy}` });
    const growth = lives.slice(1).map((live) => [`x ${live}`, micros[live] / micros[lives[0]]]);
    return { ...micros, ...Object.fromEntries(growth) };
  });
  const rows = samples.variants.map((strategy) => ({
    strategy,
    ...Object.fromEntries(lives.map((live) => [`us at ${live}`, samples.median(strategy, String(live))])),
    ...Object.fromEntries(lives.slice(1).map((live) => [`x at ${live}`, samples.median(strategy, `x ${live}`)])),
  }));
  printTable('Memory: a hit on a key with so many live hits', rows);
  const growths = strategies.flatMap((strategy) => lives.slice(1).map((live) => samples.spread(strategy, `x ${live}`)));
  return growths.reduce((worst, growth) => (growth.median > worst.median ? growth : worst));
}

async function million(isQuick) {
  const file = new URL('./million.mjs', import.meta.url);
  const variants = [FLOOR, ...STRATEGIES.map(spendOf), consumeOf('token-bucket'), ...PEER_NAMES];
  const execArgv = ['--expose-gc', '--max-old-space-size=6144'];
  const count = isQuick ? 250_000 : 1_000_000;
  const samples = await interleaved(variants, isQuick ? 1 : 3, (variant, round) => {
    const about = { variant, count, awaitsExpiry: round === 0 && variant !== FLOOR && !(isQuick && isPeer(variant)) };
    return askOnce(file, 'measure', about, { execArgv, label: `memory-million-${variant}` });
  });
  const rows = samples.variants.map((variant) => ({
    [`${show(count)} keys of 12 bytes`]: variant,
    'insert us': samples.median(variant, 'insertMicros'),
    'second hit us': samples.median(variant, 'secondMicros'),
    'bytes a key': Math.round(samples.median(variant, 'bytesAKey')),
    'longest turn, inserting, ms': samples.median(variant, 'insertTurnMs'),
    'longest turn, expiring, ms': samples.median(variant, 'expiryTurnMs'),
    'expired in s': samples.median(variant, 'expirySeconds'),
  }));
  printTable(`Memory: ${show(count)} distinct keys`, rows, [
    'A turn of the event loop is 100 hits; what passed while the machine ran something else is left out. Expiry is looked at in the first round: ours by a clock that is put forward, peers after 10 s of the real one (an LRU never frees anything).',
  ]);
  const spends = withoutLog.map(spendOf);
  return {
    'memory: new subject, spend / floor': samples.ratio(spendOf('token-bucket'), FLOOR, 'insertMicros'),
    'memory: bytes a key, token bucket': samples.median(spendOf('token-bucket'), 'bytesAKey'),
    'memory: bytes a key, default strategy': samples.median(spendOf('sliding-window'), 'bytesAKey'),
    'memory: expiry turn': Math.max(...spends.map((name) => samples.median(name, 'expiryTurnMs'))),
  };
}
