/**
 * Takes and frees permits from four processes on one Redis, some of which are killed with SIGKILL, and checks that
 * there are never more than the limit, and that all are free again within their time to live plus a second.
 *
 * Needs redis-server on the PATH: `npm run test:permits`, 100 000 runs; `npm run test:permits -- --runs=5000`. Ends
 * with 1 where a goal is missed.
 */
import { setTimeout as pause } from 'node:timers/promises';
import '../test/support/typescript.mjs';

const { connect, RedisServer } = await import('../test/support/redis/redis.ts');
const { PermitFleet } = await import('../test/service/concurrency/processes/permit-fleet.ts');

const PROCESSES = 4;
const TTL_MS = 3000;
const KILL_EVERY_MS = 10_000;
const MORE_MS = 1000;

const given = process.argv.find((argument) => argument.startsWith('--runs='))?.split('=')[1] ?? '100000';
const runs = Number(given);
if (!(runs > 0)) throw new Error(`--runs: expected a number above 0, got ${given}`);

const server = await RedisServer.start();
const client = await connect(server);
const fleet = new PermitFleet({ port: server.port, limit: 3, ttlMs: TTL_MS, subjects: 8, callers: 12 }, client);
const faults = [];
try {
  for (let i = 0; i < PROCESSES; i++) fleet.start();
  let nextKill = performance.now() + KILL_EVERY_MS;
  while (fleet.totals.runs < runs) {
    await pause(100);
    if (performance.now() < nextKill) continue;
    await fleet.kill(Math.floor(Math.random() * PROCESSES));
    fleet.start();
    nextKill = performance.now() + KILL_EVERY_MS;
  }
  await fleet.killAll();
  const tookMs = await fleet.untilFree(TTL_MS + MORE_MS);
  console.log(`free ${Math.round(tookMs)} ms after the last process was killed (at most ${TTL_MS + MORE_MS})`);
} catch (error) {
  faults.push(error.message);
} finally {
  await fleet.killAll();
  client.disconnect();
  await server[Symbol.asyncDispose]();
}
const { totals, excess, errors } = fleet;
console.log(
  `${totals.runs} runs, ${totals.denials} denials, ${totals.kills} processes killed, ${totals.lost} permits lost`,
);
if (excess.length > totals.lost) faults.push(`more runs than permits, ${excess.length} times: ${excess[0]}`);
if (errors.length > 0) faults.push(`${errors.length} errors: ${errors[0]}`);
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
