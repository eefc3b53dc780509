/**
 * Measures the cost of one client that floods an application with WebSocket messages while Redis is frozen, compared
 * with an application without a limiter, and one with a typical hand-written guard. The client, the application and
 * Redis are separate processes on the loopback. Needs redis-server on the PATH, and a build: `npm run measure:flood`.
 * Exits with code 1 if a goal is missed.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { Child } from './flood/child.mjs';
import { goals } from './flood/goals.mjs';
import '../test/support/typescript.mjs';

const { RedisServer, serverBinary } = await import('../test/support/redis/redis.ts');

const FLOOD = { ms: 2000, count: 1_000_000, giveUpMs: 20_000 };
/** Messages before the flood, so that compiling and loading code is not measured. */
const WARM = 50_000;
const frozen = { limiter: 'redis' };

const VARIANTS = {
  'no limiter': { limiter: 'none' },
  'naive guard': { limiter: 'naive' },
  Sluice: frozen,
  frames: { ...frozen, sockets: { frames: '200/s' } },
  'in memory': { limiter: 'memory' },
  // Three denied messages close the connection, so there is no warm-up.
  closeAfter: { ...frozen, sockets: { closeAfter: 3 }, warm: 0 },
  '..., rude': { ...frozen, sockets: { closeAfter: 3 }, warm: 0, isRude: true, giveUpMs: 5000 },
  '1/turn: none': { limiter: 'none', oneATurn: true },
  '1/turn: Sluice': { ...frozen, oneATurn: true },
};

/** The transports, and their variants. Polling is paced by a class of its own, and the rest is that of socket.io. */
const TRANSPORTS = {
  ws: Object.keys(VARIANTS),
  'socket.io': Object.keys(VARIANTS),
  polling: ['no limiter', 'naive guard', 'Sluice', 'in memory'],
};

/** The rows of the table. A function returns undefined for a figure that does not apply. */
const ROWS = {
  'messages sent': ({ sent }) => sent,
  received: ({ received }) => received,
  handled: ({ handled }) => handled,
  denied: ({ denied }) => denied,
  notices: ({ notices }) => notices,
  'acknowledgements asked for': ({ transport, sent }) => (transport === 'ws' ? undefined : sent),
  answered: ({ transport, acks }) => (transport === 'ws' ? undefined : acks),
  'all read after, s': ({ tookMs, isOver }) => (isOver ? undefined : rounded(tookMs / 1000)),
  'connection over after, s': ({ isOver, endedMs }) => (isOver ? overAfter(endedMs) : undefined),
  'CPU a message, us': ({ cpuUs }) => rounded(cpuUs),
  'RSS before, MB': ({ rssBefore }) => rounded(rssBefore),
  'RSS grown after gc, MB': ({ rssGrowth }) => rounded(rssGrowth),
  'RSS grown at the peak, MB': ({ rssPeak }) => rounded(rssPeak),
  'heap grown after gc, MB': ({ heapGrowth }) => rounded(heapGrowth),
  'heap grown at the peak, MB': ({ heapPeak }) => rounded(heapPeak),
  'event loop late p50, ms': ({ delayP50 }) => rounded(delayP50),
  'event loop late p99, ms': ({ delayP99 }) => rounded(delayP99),
  'event loop late max, ms': ({ delayMax }) => rounded(delayMax),
};

const rounded = (value) => Number(value.toFixed(1));
const overAfter = (ms) => (ms === undefined ? 'not yet' : rounded(ms / 1000));
const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;

/** Returns a row: the result of `of` for each variant to which it applies. */
function across(found, of) {
  const cells = Object.entries(found).map(([name, figures]) => [name, of(figures)]);
  return Object.fromEntries(cells.filter(([, cell]) => cell !== undefined));
}

async function measure(transport, { limiter, sockets, oneATurn, warm = WARM, isRude = false, giveUpMs }) {
  const usesRedis = limiter === 'redis' || limiter === 'naive';
  const redis = usesRedis ? await RedisServer.start() : undefined;
  const [server, client] = [new Child('./server.mjs'), new Child('./client.mjs')];
  try {
    const port = await server.ask('start', { transport, limiter, sockets, oneATurn, redisPort: redis?.port });
    await client.ask('connect', { port, transport });
    await client.ask('warm', { count: warm });
    await client.ask('connect', { port, transport, isRude });
    redis?.freeze();
    await server.ask('begin');
    const seen = await client.ask('flood', { ...FLOOD, ...(giveUpMs && { giveUpMs }) });
    // A session of polling has several connections, and has sent what the server has handled.
    const received = transport === 'polling' ? seen.sent : undefined;
    const figures = await server.ask('end', { bytesEach: seen.bytesEach, received });
    const isOver = sockets?.closeAfter !== undefined;
    return { transport, isOver, ...seen, ...figures };
  } finally {
    await Promise.all([server.stop(), client.stop()]);
    await redis?.[Symbol.asyncDispose]();
  }
}

const redisVersion = execFileSync(serverBinary(), ['--version'], { encoding: 'utf8' }).match(/v=([\d.]+)/)?.[1];
console.log(
  `Node ${process.version}, Nest ${versionOf('@nestjs/core')}, ws ${versionOf('ws')}, socket.io ${versionOf('socket.io')}, ` +
    `ioredis ${versionOf('ioredis')}, Redis ${redisVersion}; ${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)}`,
);

const all = {};
for (const [transport, variants] of Object.entries(TRANSPORTS)) {
  const found = {};
  for (const name of variants) found[name] = await measure(transport, VARIANTS[name]);
  console.log(`\n${transport}, one client for ${FLOOD.ms / 1000} s (1/turn: one message a turn of the event loop)`);
  console.table(Object.fromEntries(Object.entries(ROWS).map(([row, of]) => [row, across(found, of)])));
  all[transport] = found;
}

for (const { text, isMet } of Object.entries(all).flatMap(([transport, found]) => goals(transport, found))) {
  console.log(`${isMet ? 'met   ' : 'MISSED'}  ${text}`);
  if (!isMet) process.exitCode = 1;
}
