import { Child } from '../lib/child.mjs';
import { RedisServer } from '../lib/redis.mjs';
import { interleaved } from '../lib/rounds.mjs';
import { printTable, showRatio } from '../lib/table.mjs';

const WITHOUT = 'without a limit';
/** The cost of any interceptor in Nest. A limiter of messages has to be one. */
const EMPTY = 'an empty interceptor';
const VARIANTS = {
  [WITHOUT]: { isLimited: false },
  [EMPTY]: { isLimited: false, isIntercepted: true },
  'sluice, memory': { isLimited: true },
  'sluice, Redis': { isLimited: true, onRedis: true },
};

/** Socket messages, with and without the interceptor. */
export async function sockets({ isQuick }) {
  const server = await RedisServer.start();
  try {
    const figures = {};
    for (const transport of ['ws', 'socket.io']) {
      const samples = await measured(server, transport, isQuick);
      print(transport, samples);
      const above = samples.above(WITHOUT, 'cpuMicros');
      figures[`sockets: ${transport}, CPU / interceptor`] = above.ratio('sluice, memory', EMPTY, 'cpuMicros');
    }
    return figures;
  } finally {
    await server.stop();
  }
}

function measured(redis, transport, isQuick) {
  // By messages and not by time: code that is compiled later than that of another variant would count as dearer.
  const { rounds, forMs, messages } = isQuick
    ? { rounds: 2, forMs: 1000, messages: 20_000 }
    : { rounds: 5, forMs: 3000, messages: 100_000 };
  return interleaved(Object.keys(VARIANTS), rounds, async (variant) => {
    const { onRedis, ...about } = VARIANTS[variant];
    await redis.flush();
    const server = new Child(new URL('./server.mjs', import.meta.url), { label: `sockets-${transport}-${variant}` });
    const client = new Child(new URL('./client.mjs', import.meta.url), { label: 'sockets-client' });
    try {
      const port = await server.ask('start', { transport, ...about, ...(onRedis && { redisPort: redis.port }) });
      await client.ask('open', { transport, port });
      await client.ask('warmUp', { messages });
      const before = await server.ask('cpu');
      const seen = await client.ask('watch', { forMs });
      const cpuMicros = ((await server.ask('cpu')) - before) / seen.messages;
      await client.ask('close');
      return { ...seen, cpuMicros };
    } finally {
      await Promise.all([server.stop(), client.stop()]);
    }
  });
}

function print(transport, samples) {
  const above = samples.above(WITHOUT, 'cpuMicros');
  const rows = samples.variants.map((variant) => ({
    [transport]: variant,
    'messages/s': Math.round(samples.median(variant, 'perSecond')),
    'x without': showRatio(samples.ratio(variant, WITHOUT, 'perSecond')),
    'server CPU us': samples.median(variant, 'cpuMicros'),
    'above without': variant === WITHOUT ? '' : above.median(variant, 'cpuMicros'),
  }));
  printTable(`Sockets, ${transport}: messages that are answered, 20 sockets with 8 under way`, rows);
}
