/**
 * Measures what it costs to also count in this process what Redis admits: the CPU of a decision with 64 calls in
 * flight, with `onError: 'local'`, and with `onError: 'allow'`, which counts nothing. The two take turns on one server,
 * so that other work on the machine affects both equally. Needs a redis-server. `npm run measure:fallback`.
 */
import { register } from 'node:module';

register('../test/support/typescript-hooks.mjs', import.meta.url);
const { connect, RedisServer } = await import('../test/support/redis/redis.ts');
const { definePolicy, RedisBackend, ResilientBackend } = await import('../dist/esm/index.js');

const IN_FLIGHT = 64;
const CALLS = 40_000;
const ROUNDS = Number(process.argv[2] ?? 12);

const server = await RedisServer.start();
const client = await connect(server);

const strategies = ['sliding-window', 'fixed-window', 'token-bucket'];
const backends = ['allow', 'local'].map((onError) => ({
  onError,
  backend: new ResilientBackend(new RedisBackend(client, { prefix: `measure-${onError}`, timeoutMs: 10_000 }), onError),
  // Two equal policy objects each, as in two processes.
  policies: strategies.map((strategy) => definePolicy(strategy, { rate: '1000000/min', strategy })),
}));

/** Returns the CPU microseconds of a decision. */
async function costOf({ backend, policies }, strategy, charges) {
  const [policy] = policies.filter(({ name }) => name === strategy);
  let next = 0;
  const caller = async () => {
    while (next < CALLS) {
      const subject = `user:${next++ % 5000}`;
      const list = [{ policy, subject, cost: 1 }];
      if (charges > 1) list.push({ policy: policies[1] === policy ? policies[0] : policies[1], subject, cost: 1 });
      const { degraded, allowed } = await backend.spend(list);
      if (degraded !== undefined || !allowed) throw new Error('Redis did not decide');
    }
  };
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

for (const charges of [1, 2]) {
  for (const strategy of strategies) {
    const costs = backends.map(() => []);
    for (let round = 0; round <= ROUNDS; round++) {
      // The first round warms up; the order changes from round to round.
      for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const cost = await costOf(backends[i], strategy, charges);
        if (round > 0) costs[i].push(cost);
      }
    }
    const [without, counting] = costs.map(median);
    const share = ((counting / without - 1) * 100).toFixed(1);
    console.log(
      `${strategy}, ${charges} charge(s): ${without.toFixed(2)} us without, ${counting.toFixed(2)} us with counting: +${share} %`,
    );
  }
}
for (const { backend } of backends) await backend.close();
client.disconnect();
await server[Symbol.asyncDispose]();
