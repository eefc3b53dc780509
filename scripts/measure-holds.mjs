/**
 * Measures how long runs of the scripts that take, extend and end holds keep Redis busy, with 1 000 holders of one
 * budget and 64 calls at a time. Needs a redis-server. `npm run measure:holds`. A run may take 5 ms; on a loaded
 * machine compare the median.
 */
import { register } from 'node:module';

register('../test/support/typescript-hooks.mjs', import.meta.url);
const { connect, RedisServer } = await import('../test/support/redis/redis.ts');
const { defineBudget, defineConcurrency, definePolicy, RedisBackend } = await import('../dist/esm/index.js');

const HOLDERS = 1000;
const CALLS = 64;
const TTL_MS = 600_000;

const server = await RedisServer.start();
const client = await connect(server);
const { holds } = new RedisBackend(client, { timeoutMs: 30_000 });
const api = definePolicy('api', { rate: '1000000/min', strategy: 'fixed-window' });
const charges = [{ policy: api, subject: 'ada', cost: 1 }];
const holdOf = (policy, id, units = 1) => ({ policy, subject: 'ada', id, units, ttlMs: TTL_MS + id });

/** Prints the median and the longest run of a script while `calls` calls are made at a time. */
async function measure(name, call) {
  await client.config('SET', 'slowlog-log-slower-than', 0, 'slowlog-max-len', 100_000);
  await client.slowlog('RESET');
  await Promise.all(Array.from({ length: CALLS }, (_, i) => call(i)));
  const runs = (await client.slowlog('GET', 100_000)).filter(([, , , [command]]) =>
    /^eval(?:sha)?$/i.test(String(command)),
  );
  await client.config('SET', 'slowlog-log-slower-than', -1);
  const times = runs.map(([, , micros]) => micros).sort((a, b) => a - b);
  const shown = [times[times.length >> 1], times.at(-1)].map((micros = 0) => `${(micros / 1000).toFixed(2)} ms`);
  console.log(`${name.padEnd(44)} ${String(times.length).padStart(3)} runs, median ${shown[0]}, longest ${shown[1]}`);
}

const budgets = [
  defineConcurrency('export', HOLDERS),
  defineBudget('tokens', { budget: `${HOLDERS}/min` }),
  defineBudget('large', { budget: '100000/min', carryDebt: true }),
];
for (const policy of budgets) {
  const { name } = policy;
  const held = HOLDERS - CALLS;
  for (let id = 0; id < held; id++) await holds.take([holdOf(policy, id)], []);
  await measure(`${name}: take, allowed`, (i) => holds.take([holdOf(policy, held + i)], charges));
  await measure(`${name}: take 1, denied`, (i) => holds.take([holdOf(policy, HOLDERS + i)], charges));
  await measure(`${name}: take all, denied`, (i) => holds.take([holdOf(policy, HOLDERS + i, policy.limit)], charges));
  await measure(`${name}: extend 100`, () =>
    holds.extend(
      Array.from({ length: 100 }, (_, id) => holdOf(policy, id)),
      2 * TTL_MS,
    ),
  );
  await measure(`${name}: end`, (i) => holds.end([holdOf(policy, held + i)]));
}

client.disconnect();
await server[Symbol.asyncDispose]();
