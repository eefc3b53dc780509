import { askOnce, Child } from '../lib/child.mjs';
import { connectPlain, RedisServer } from '../lib/redis.mjs';
import { interleaved } from '../lib/rounds.mjs';
import { printTable, showRatio } from '../lib/table.mjs';

const STRATEGIES = ['sliding-window', 'token-bucket'];
const KEYS = [1, 100, 10_000, 1_000_000];
const POLICIES = [1, 2, 4, 8];
const SEGMENTS = [1, 10, 60];
const PROCESSES = [1, 2, 4];
/** Calls in flight of all processes together. */
const IN_FLIGHT = 64;

/** The titles of the columns with their number. */
const TITLES = { keys: 'the keys that are known', policies: 'the policies of a call', segments: 'its segments' };

/** How cost grows: with keys, policies a call, segments, and processes. */
export async function growth({ isQuick }) {
  const byPolicies = [];
  for (const strategy of STRATEGIES) {
    await inMemory(strategy, 'keys', KEYS, { policies: 1 }, isQuick);
    byPolicies.push(await inMemory(strategy, 'policies', POLICIES, { keys: 10_000 }, isQuick));
  }
  await inMemory('sliding-window', 'segments', SEGMENTS, { policies: 1, keys: 10_000 }, isQuick);
  const server = await RedisServer.start();
  try {
    const keys = isQuick ? KEYS.slice(0, -1) : KEYS;
    await onRedis(server, 'keys', keys, { processes: 1, policies: 1 }, isQuick);
    await onRedis(server, 'policies', POLICIES, { processes: 1 }, isQuick);
    await onRedis(server, 'processes', PROCESSES, { policies: 1 }, isQuick);
  } finally {
    await server.stop();
  }
  const worst = (count) =>
    byPolicies
      .map((samples) => samples.ratio(count, POLICIES[0], 'micros'))
      .reduce((one, other) => (other.median > one.median ? other : one));
  return { 'growth: memory, 2 policies': worst(2), 'growth: memory, 8 policies': worst(8) };
}

async function inMemory(strategy, what, counts, about, isQuick) {
  const file = new URL('./memory.mjs', import.meta.url);
  const calls = isQuick ? 200_000 : 500_000;
  const samples = await interleaved(counts, isQuick ? 1 : 3, (count) =>
    askOnce(file, 'measure', { ...about, strategy, calls, [what]: count }, { label: `growth-${strategy}-${count}` }),
  );
  const rows = counts.map((count) => ({
    [what]: count,
    'CPU us a call': samples.median(count, 'micros'),
    [`x at ${counts[0]}`]: showRatio(samples.ratio(count, counts[0], 'micros')),
  }));
  printTable(`Memory, ${strategy}: a call by ${TITLES[what]}`, rows);
  return samples;
}

async function onRedis(server, what, counts, about, isQuick) {
  const samples = await interleaved(counts, isQuick ? 1 : 3, (count) =>
    fleet(server, { ...about, [what]: count, forMs: isQuick ? 500 : 1500 }),
  );
  const rows = counts.map((count) => ({
    [what]: count,
    'calls/s, all': Math.round(samples.median(count, 'perSecond')),
    [`x at ${counts[0]}`]: showRatio(samples.ratio(count, counts[0], 'perSecond')),
    'server CPU us a call': samples.median(count, 'serverMicros'),
    'client CPU us a call': samples.median(count, 'micros'),
    failed: samples.max(count, 'failed'),
  }));
  printTable(`Redis: by ${TITLES[what] ?? what}, ${IN_FLIGHT} calls in flight`, rows, [
    'CPU of a call is that of a whole process. All keys are known before it is measured.',
  ]);
}

async function fleet({ port }, { processes, policies, keys = 1000, forMs }) {
  const file = new URL('./redis.mjs', import.meta.url);
  const admin = await connectPlain(port);
  await admin.flushall();
  const about = { port, policies, keys, forMs, inFlight: IN_FLIGHT / processes };
  const fleet = Array.from({ length: processes }, () => new Child(file, { label: 'growth-redis' }));
  try {
    await Promise.all(fleet.map((child) => child.ask('open', about)));
    const before = await cpuOf(admin);
    const all = await Promise.all(fleet.map((child) => child.ask('measure', about)));
    return figuresOf(all, (await cpuOf(admin)) - before);
  } finally {
    admin.disconnect();
    await Promise.all(fleet.map((child) => child.stop()));
  }
}

function figuresOf(all, serverMicros) {
  const sum = (member) => all.reduce((total, one) => total + one[member], 0);
  const calls = sum('calls');
  return {
    perSecond: sum('perSecond'),
    serverMicros: serverMicros / calls,
    micros: all.reduce((total, one) => total + one.micros * one.calls, 0) / calls,
    failed: sum('failed'),
  };
}

async function cpuOf(admin) {
  const seconds = [...(await admin.info('cpu')).matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm)];
  return seconds.reduce((total, [, value]) => total + Number(value), 0) * 1e6;
}
