/**
 * What is to be reached. A figure is what a bench returns under that name.
 *
 * @typedef {object} Goal
 * @property {string} what
 * @property {string} against
 * @property {string} figure
 * @property {number} [atMost]
 * @property {number} [atLeast]
 */

/** @type {readonly Goal[]} */
export const GOALS = [
  {
    what: 'memory, 10 000 keys, token bucket, spend: CPU a hit',
    against: 'bare Map floor',
    figure: 'memory: 10 000 keys, spend / floor',
    atMost: 2,
  },
  {
    what: 'the same: decisions/s',
    against: 'rate-limiter-flexible',
    figure: 'memory: 10 000 keys, flexible / spend',
    atLeast: 2.5,
  },
  {
    what: 'the same: decisions/s',
    against: '@nestjs/throttler storage',
    figure: 'memory: 10 000 keys, throttler / spend',
    atLeast: 15,
  },
  {
    what: 'the same through ThrottleService.consume, awaited',
    against: 'bare Map floor',
    figure: 'memory: 10 000 keys, consume / floor',
    atMost: 4,
  },
  {
    what: 'a hit at 1 000 and 100 000 live hits, worst strategy but the log',
    against: 'at 10',
    figure: 'memory: live hits, growth',
    atMost: 1.2,
  },
  {
    what: '1 000 000 keys, token bucket: heap bytes a key',
    against: '-',
    figure: 'memory: bytes a key, token bucket',
    atMost: 120,
  },
  {
    what: 'the same, default strategy',
    against: '-',
    figure: 'memory: bytes a key, default strategy',
    atMost: 120,
  },
  {
    what: 'the same: longest turn while all expire, ms, worst strategy but the log',
    against: '-',
    figure: 'memory: expiry turn',
    atMost: 20,
  },
  {
    what: 'Redis, 1 in flight, one limit: p50',
    against: 'one bare EVALSHA a call',
    figure: 'redis: 1 in flight, p50 / floor',
    atMost: 1.25,
  },
  {
    what: 'Redis, 64 in flight, one limit: decisions/s',
    against: 'best of three peers',
    figure: 'redis: 64 in flight / best peer',
    atLeast: 1.5,
  },
  {
    what: 'the same: p99',
    against: 'best of three peers',
    figure: 'redis: 64 in flight, p99 / best peer',
    atMost: 1,
  },
  {
    what: 'Redis, 256 in flight, one limit: decisions/s',
    against: 'best of three peers',
    figure: 'redis: 256 in flight / best peer',
    atLeast: 3,
  },
  {
    what: 'Redis, 64 in flight, three limits: decisions/s',
    against: 'nest-lab, three limits',
    figure: 'redis: three limits / nest-lab',
    atLeast: 3,
  },
  ...[1, 64].flatMap((inFlight) => [
    {
      what: `Redis, ${inFlight} in flight, a denied subject, deny memory: decisions/s`,
      against: 'allowed on Redis',
      figure: `redis: ${inFlight} in flight, denied / allowed`,
      atLeast: 20,
    },
    {
      what: `Redis, ${inFlight} in flight, leased, batch 100: decisions/s`,
      against: 'unleased',
      figure: `redis: ${inFlight} in flight, leased / unleased`,
      atLeast: 20,
    },
    {
      what: 'the same: round trips per 100 decisions',
      against: '-',
      figure: `redis: ${inFlight} in flight, leased, round trips per 100`,
      atMost: 1.1,
    },
  ]),
  {
    what: 'guard, memory, one limit, allowed: CPU, worse adapter',
    against: '@nestjs/throttler, one',
    figure: 'guard: memory, 1 limit, allowed',
    atMost: 1 / 8,
  },
  {
    what: 'guard, memory, three limits, allowed: CPU, worse adapter',
    against: '@nestjs/throttler, three',
    figure: 'guard: memory, 3 limits, allowed',
    atMost: 1 / 8,
  },
  {
    what: 'guard, memory, denied: CPU, worst of limits and adapters',
    against: '@nestjs/throttler',
    figure: 'guard: memory, denied',
    atMost: 1 / 3,
  },
  { what: 'address, IPv6, normalised', against: 'better of two peers', figure: 'address: IPv6', atLeast: 5 },
  { what: 'address, IPv4-mapped', against: 'better of two peers', figure: 'address: IPv4-mapped', atLeast: 5 },
  {
    what: 'guard, Redis, three limits: client CPU, worst of adapters',
    against: '@nestjs/throttler + nest-lab, three',
    figure: 'guard: redis, 3 limits, allowed',
    atMost: 1 / 2,
  },
  ...['500 keys', 'one hot key'].flatMap((keys) => [
    {
      what: `Fastify under load, memory, ${keys}: requests/s`,
      against: 'no guard',
      figure: `load: fastify, memory, ${keys}`,
      atLeast: 0.85,
    },
    {
      what: `Fastify under load, Redis, ${keys}: requests/s`,
      against: 'no guard',
      figure: `load: fastify, redis, ${keys}`,
      atLeast: 0.75,
    },
  ]),
];

/** What became of a goal: met or not, or not measured in this run. */
export function verdict({ figure, atMost, atLeast }, figures) {
  const measured = figures[figure];
  if (measured === undefined) return 'not run';
  if (!Number.isFinite(measured)) return 'not measured';
  return measured <= (atMost ?? Number.POSITIVE_INFINITY) && measured >= (atLeast ?? 0) ? 'yes' : 'NO';
}
