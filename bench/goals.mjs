/**
 * The goals. A bench returns each figure under its name: a number, or the spread of a number over the rounds.
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
    against: 'spend, awaited',
    figure: 'memory: 10 000 keys, consume / spend, awaited',
    atMost: 1.1,
  },
  {
    what: 'the same through ThrottleService.hit, awaited',
    against: 'spend, awaited',
    figure: 'memory: 10 000 keys, hit / spend, awaited',
    atMost: 1.2,
  },
  {
    what: 'the same, spend, awaited',
    against: 'a Map floor that makes the same Outcome, awaited',
    figure: 'memory: 10 000 keys, spend / outcome floor, awaited',
    atMost: 1.5,
  },
  {
    what: 'a new subject, token bucket, spend',
    against: 'bare Map floor, a new key',
    figure: 'memory: new subject, spend / floor',
    atMost: 2,
  },
  ...[2, 8].map((count) => ({
    what: `memory, ${count} policies a call, worse of sliding window and token bucket`,
    against: 'one policy',
    figure: `growth: memory, ${count} policies`,
    atMost: 1.15 * count,
  })),
  {
    what: 'sliding-log: a hit at 1 000 and 9 000 live hits',
    against: 'at 10',
    figure: 'memory: live hits of a log, growth',
    atMost: 1.5,
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
    atMost: 1.2,
  },
  {
    what: 'Redis, 64 in flight, sliding-window: decisions/s',
    against: 'best of nest-lab, rate-limiter-flexible, rate-limit-redis',
    figure: 'redis: 64 in flight / best peer',
    atLeast: 2,
  },
  {
    what: 'the same: p99',
    against: 'best of the same three',
    figure: 'redis: 64 in flight, p99 / best peer',
    atMost: 1,
  },
  {
    what: 'Redis, 256 in flight, sliding-window: decisions/s',
    against: 'best of the same three',
    figure: 'redis: 256 in flight / best peer',
    atLeast: 3,
  },
  {
    what: 'Redis, 256 in flight, fixed-window: decisions/s',
    against: 'best of the same three',
    figure: 'redis: 256 in flight, fixed-window / best peer',
    atLeast: 3.5,
  },
  {
    what: 'Redis, 64 in flight, three limits a call, sliding-window: decisions/s',
    against: 'nest-lab, three limits',
    figure: 'redis: three limits / nest-lab',
    atLeast: 4,
  },
  {
    what: 'Redis, 64 in flight, 20 policies at random, sliding-window: decisions/s',
    against: 'best of the same three, 20 limits',
    figure: 'redis: mixed / best peer',
    atLeast: 1.8,
  },
  {
    what: 'Redis, bytes of a subject (MEMORY USAGE of one key), worst strategy but the log',
    against: "the prototype's state under the same key",
    figure: 'redis: bytes a subject / prototype',
    atMost: 1,
  },
  {
    what: 'Redis, 64 in flight, one subject, denied (cached): CPU us a call',
    against: '-',
    figure: 'redis: 64 in flight, denied, us',
    atMost: 0.5,
  },
  {
    what: 'Redis, 64 in flight, one subject, leased, batch 100: CPU us a call',
    against: '-',
    figure: 'redis: 64 in flight, leased, us',
    atMost: 0.5,
  },
  ...[1, 64].map((inFlight) => ({
    what: `Redis, ${inFlight} in flight, one subject, leased, batch 100: round trips a 100`,
    against: '-',
    figure: `redis: ${inFlight} in flight, leased, round trips per 100`,
    atMost: 1.1,
  })),
  ...guardGoals('express', { one: 0.35, three: 0.2, denied: 0.5 }),
  ...guardGoals('fastify', { one: 0.25, three: 0.13, denied: 0.25 }),
  { what: 'address, IPv6, normalised', against: 'better of two peers', figure: 'address: IPv6', atLeast: 5 },
  { what: 'address, IPv4-mapped', against: 'better of two peers', figure: 'address: IPv4-mapped', atLeast: 5 },
  ...[
    { adapter: 'express', atMost: 0.35 },
    { adapter: 'fastify', atMost: 0.15 },
  ].map(({ adapter, atMost }) => ({
    what: `guard, Redis, three limits, 64 in flight, ${adapter}: client CPU`,
    against: '@nestjs/throttler, nest-lab',
    figure: `guard: redis, ${adapter}, 3 limits, 64 in flight`,
    atMost,
  })),
  ...['500 keys', 'one hot key'].flatMap((keys) => [
    {
      what: `Fastify under load, memory, ${keys}: requests/s`,
      against: 'a guard with a Map',
      figure: `load: fastify, memory / Map, ${keys}`,
      atLeast: 0.93,
    },
    {
      what: `Fastify under load, Redis, ${keys}: requests/s`,
      against: 'no guard',
      figure: `load: fastify, redis / no guard, ${keys}`,
      atLeast: keys === '500 keys' ? 0.8 : 0.75,
    },
  ]),
  {
    what: 'ws, memory: CPU a message above no limit',
    against: 'an empty interceptor',
    figure: 'sockets: ws, CPU / interceptor',
    atMost: 1.15,
  },
  {
    what: 'the same',
    against: 'an empty global guard and interceptor',
    figure: 'sockets: ws, CPU / guard and interceptor',
    atMost: 1.15,
  },
];

/**
 * Says whether a goal was met. It is missed by more than noise if half of the rounds, those between the quartiles, all
 * miss it: the rounds are interleaved, so what the machine does beside is in their spread. A figure that is a plain
 * number has no spread.
 *
 * @param {Goal} goal
 * @param {Record<string, number | import('./lib/rounds.mjs').Spread>} figures
 * @returns {'not run' | 'not measured' | 'yes' | 'NO' | 'no, within noise'}
 */
export function verdict({ figure, atMost = Number.POSITIVE_INFINITY, atLeast = 0 }, figures) {
  if (figures[figure] === undefined) return 'not run';
  const { median, low, high } = spreadOf(figures[figure]);
  if (!Number.isFinite(median)) return 'not measured';
  if (median <= atMost && median >= atLeast) return 'yes';
  return low <= atMost && high >= atLeast ? 'no, within noise' : 'NO';
}

/** @returns {import('./lib/rounds.mjs').Spread} */
export function spreadOf(figure) {
  return typeof figure === 'object' ? figure : { median: figure, low: figure, high: figure };
}

/**
 * Whether a verdict fails a run with `--check`. A bench that should have measured a figure and did not has failed as
 * well.
 */
export function isFailure(judged) {
  return judged === 'NO' || judged === 'not measured';
}

/** By adapter: on Express two header fields and a look at the request's are 0.18 of @nestjs/throttler by themselves. */
function guardGoals(adapter, { one, three, denied }) {
  return [
    { what: 'one limit', figure: '1 limit, allowed', atMost: one },
    { what: 'three limits', figure: '3 limits, allowed', atMost: three },
    { what: 'denied', figure: 'denied', atMost: denied },
  ].map(({ what, figure, atMost }) => ({
    what: `guard, memory, ${adapter}, ${what}: CPU`,
    against: '@nestjs/throttler',
    figure: `guard: memory, ${adapter}, ${figure}`,
    atMost,
  }));
}
