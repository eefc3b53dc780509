import { NO_GUARD } from '../lib/app.mjs';
import { askOnce } from '../lib/child.mjs';
import { RedisServer } from '../lib/redis.mjs';
import { interleaved } from '../lib/rounds.mjs';
import { printTable, show, showRatio } from '../lib/table.mjs';

const OURS = 'sluice';
const THEIRS = '@nestjs/throttler';
const ADAPTERS = ['express', 'fastify'];

/** The guard: CPU of canActivate, minus that of an empty guard. */
export async function guard({ isQuick }) {
  const inMemory = [];
  const hot = settings({ clients: 1 }).filter(({ isDenied }) => !isDenied);
  for (const setting of [...settings({}), ...hot]) inMemory.push(await measured(setting, isQuick));
  print('Guard, memory', inMemory);
  const onRedis = [];
  const server = await RedisServer.start();
  try {
    for (const inFlight of [1, 64]) {
      const all = settings({ inFlight, redisPort: server.port });
      // A cached denial costs the same with any number of calls in flight.
      for (const setting of inFlight === 1 ? all : all.filter(({ isDenied }) => !isDenied)) {
        await server.flush();
        onRedis.push(await measured(setting, isQuick));
      }
    }
  } finally {
    await server.stop();
  }
  print('Guard, Redis', onRedis);
  const worst = (cases, fits) =>
    cases
      .filter((one) => one.clients === undefined && fits(one))
      .map(({ ratio }) => ratio)
      .reduce((most, ratio) => (ratio.median > most.median ? ratio : most));
  return Object.fromEntries(
    ADAPTERS.flatMap((adapter) => {
      const allowed = (limits) => (one) => one.adapter === adapter && one.limits === limits && !one.isDenied;
      return [
        ['memory', '1 limit, allowed', worst(inMemory, allowed(1))],
        ['memory', '3 limits, allowed', worst(inMemory, allowed(3))],
        ['memory', 'denied', worst(inMemory, (one) => one.adapter === adapter && one.isDenied)],
        ['redis', '3 limits, 64 in flight', worst(onRedis, (one) => allowed(3)(one) && one.inFlight === 64)],
      ].map(([store, what, figure]) => [`guard: ${store}, ${adapter}, ${what}`, figure]);
    }),
  );
}

function settings(more) {
  const outcomes = ADAPTERS.flatMap((adapter) => [false, true].map((isDenied) => ({ ...more, adapter, isDenied })));
  return [1, 3].flatMap((limits) => outcomes.map((outcome) => ({ ...outcome, limits })));
}

async function measured(setting, isQuick) {
  const file = new URL('./task.mjs', import.meta.url);
  const rounds = isQuick ? 1 : 3;
  // A guard's first 50 000 calls cost up to a third more, until V8 has optimized its code for many callers. Calls to
  // Redis take longer, and so many would take half an hour.
  const warmUp = setting.redisPort === undefined ? 500 : 200;
  const batches = isQuick ? { warmUp: 60, batches: 40 } : { warmUp, batches: 100 };
  const { adapter, limits, isDenied, inFlight = 1, clients = 500 } = setting;
  const label = `guard-${adapter}-${clients}-${limits}-${isDenied ? 'denied' : 'allowed'}-${inFlight}`;
  const samples = await interleaved([NO_GUARD, OURS, THEIRS], rounds, (limiter) =>
    askOnce(file, 'measure', { ...setting, ...batches, limiter }, { label: `${label}-${limiter}` }),
  );
  const above = samples.above(NO_GUARD, 'micros');
  return {
    ...setting,
    empty: samples.median(NO_GUARD, 'micros'),
    ours: above.median(OURS, 'micros'),
    theirs: above.median(THEIRS, 'micros'),
    ratio: above.ratio(OURS, THEIRS, 'micros'),
  };
}

function print(title, cases) {
  const rows = cases.map(({ adapter, clients = 500, limits, isDenied, inFlight, empty, ours, theirs, ratio }) => ({
    adapter,
    clients,
    limits,
    outcome: isDenied ? 'denied' : 'allowed',
    ...(inFlight !== undefined && { 'in flight': inFlight }),
    'empty guard us': empty,
    'ours us': ours,
    [`${THEIRS} us`]: theirs,
    'ours / theirs': showRatio(ratio),
    '1 /': show(1 / ratio.median),
  }));
  printTable(`${title}: CPU of canActivate above an empty guard`, rows, [
    'Measured on real requests, which are held in a guard, 100 at a time, before any measured guard has seen them. Goals apply to 500 clients, the harder case. Denials include the exception, thrown and caught. With three limits the last one denies, so all three are evaluated. Sluice caches denials by Redis in the process.',
  ]);
}
