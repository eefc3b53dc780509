import { Child } from '../lib/child.mjs';
import { RedisServer } from '../lib/redis.mjs';
import { interleaved, Samples } from '../lib/rounds.mjs';
import { printTable, showRatio } from '../lib/table.mjs';

const WITHOUT = 'without a limit';
/** The cost of any interceptor in Nest. A limiter of messages has to be one. */
const INTERCEPTOR = 'an empty interceptor';
/** A global guard limits HTTP handlers. Nest 12 calls it for messages, too. */
const BOTH = 'an empty global guard and interceptor';
const MEMORY = 'sluice, memory';
const LIMITERS = {
  [WITHOUT]: 'none',
  [INTERCEPTOR]: 'interceptor',
  [BOTH]: 'guard and interceptor',
  [MEMORY]: 'memory',
  'sluice, Redis': 'redis',
};
const FULL = { rounds: 6, warmUp: 80_000, windows: 10, messages: 6000 };
const QUICK = { rounds: 2, warmUp: 30_000, windows: 6, messages: 5000 };

/** Socket messages, with and without the interceptor. */
export async function sockets({ isQuick }) {
  const redis = await RedisServer.start();
  try {
    const figures = {};
    for (const transport of ['ws', 'socket.io']) {
      const samples = await measured(redis, transport, isQuick ? QUICK : FULL);
      print(transport, samples);
      const above = samples.above(WITHOUT, 'cpuMicros');
      figures[`sockets: ${transport}, CPU / interceptor`] = above.ratio(MEMORY, INTERCEPTOR, 'cpuMicros');
      figures[`sockets: ${transport}, CPU / guard and interceptor`] = above.ratio(MEMORY, BOTH, 'cpuMicros');
    }
    return figures;
  } finally {
    await redis.stop();
  }
}

/**
 * A limiter costs a few microseconds of thirty, which is less than a busy machine adds. So a round starts the servers
 * of all variants and warms them up, by messages, and then measures them in turns, in many short windows. Its figures
 * are the medians of these windows. Each round has processes of its own, since they are compiled differently each time.
 */
async function measured(redis, transport, { rounds, ...size }) {
  const all = new Samples();
  for (let round = 0; round < rounds; round++) {
    await redis.flush();
    const samples = await measuredRound(redis, transport, size);
    for (const variant of samples.variants) {
      const medianOf = (figure) => [figure, samples.median(variant, figure)];
      all.add(variant, round, Object.fromEntries(['cpuMicros', 'userMicros', 'perSecond'].map(medianOf)));
    }
  }
  return all;
}

async function measuredRound(redis, transport, { warmUp, windows, messages }) {
  const client = new Child(new URL('./client.mjs', import.meta.url), { label: 'sockets-client' });
  const servers = new Map();
  try {
    for (const [variant, limiter] of Object.entries(LIMITERS)) {
      const server = new Child(new URL('./server.mjs', import.meta.url), { label: `sockets-${transport}-${variant}` });
      servers.set(variant, { server });
      const port = await server.ask('start', { transport, limiter, redisPort: redis.port });
      servers.set(variant, { server, port });
      await client.ask('open', { transport, port });
      await client.ask('send', { port, messages: warmUp });
    }
    return await interleaved([...servers.keys()], windows, async (variant) => {
      const { server, port } = servers.get(variant);
      const before = await server.ask('cpu');
      const seconds = await client.ask('send', { port, messages });
      const after = await server.ask('cpu');
      const userMicros = (after.user - before.user) / messages;
      return {
        userMicros,
        cpuMicros: userMicros + (after.system - before.system) / messages,
        perSecond: messages / seconds,
      };
    });
  } finally {
    await Promise.all([client, ...[...servers.values()].map(({ server }) => server)].map((child) => child.stop()));
  }
}

function print(transport, samples) {
  const above = samples.above(WITHOUT, 'cpuMicros');
  const userAbove = samples.above(WITHOUT, 'userMicros');
  const rows = samples.variants.map((variant) => ({
    [transport]: variant,
    'messages/s': Math.round(samples.median(variant, 'perSecond')),
    'x without': showRatio(samples.ratio(variant, WITHOUT, 'perSecond')),
    'server CPU us': samples.median(variant, 'cpuMicros'),
    ...(variant !== WITHOUT && {
      'above without': showRatio(above.spread(variant, 'cpuMicros')),
      'x interceptor': showRatio(above.ratio(variant, INTERCEPTOR, 'cpuMicros')),
      'user CPU above': showRatio(userAbove.spread(variant, 'userMicros')),
      'user, x interceptor': showRatio(userAbove.ratio(variant, INTERCEPTOR, 'userMicros')),
    }),
  }));
  printTable(`Sockets, ${transport}: messages that are answered, 20 sockets with 8 under way`, rows);
}
