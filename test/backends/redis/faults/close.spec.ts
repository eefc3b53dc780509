import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compileBackends } from '../../../support/compiled-sources.js';
import { charge, counter, guarded, PATIENT_MS } from '../../../support/redis/faults.js';
import { connect, RedisServer } from '../../../support/redis/redis.js';

/** A process of its own: what it leaves open keeps it from ending, and what it leaves unhandled is counted. */
const PROGRAM = `
import { Redis } from '${createRequire(import.meta.url).resolve('ioredis')}';
import { setTimeout as pause } from 'node:timers/promises';
import { RedisBackend } from './backends/redis/redis.backend.js';
import { ResilientBackend } from './backends/resilience/resilient.backend.js';
import { definePolicy } from './strategies/define-policy.js';

let unhandled = 0;
process.on('unhandledRejection', () => { unhandled += 1; });
const settings = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false, enableOfflineQueue: false };
const client = new Redis({ host: '127.0.0.1', port: Number(process.argv[2]), ...settings, lazyConnect: true, retryStrategy: () => 50, disconnectTimeout: 50 });
client.on('error', () => undefined);
await client.connect();
const backend = new ResilientBackend(new RedisBackend(client, { timeoutMs: 30_000 }), 'local');
const charges = [{ policy: definePolicy('p', '1000/min'), subject: 'ada', cost: 1 }];
const taken = await backend.spend(charges);
await backend.settle(taken.receipt, [0]);
const kept = await backend.spend(charges);
await backend.peek(charges);
await backend.warnings();
console.log('used', JSON.stringify({ degraded: taken.degraded }));
await new Promise((resolve) => process.stdin.once('data', resolve));
process.stdin.destroy();

const calls = [];
let [rises, waitMs] = [0, 0];
for (let round = 0; round < 5 || rises < Number(process.argv[3]); round++) {
  calls.push(backend.spend(charges), backend.peek(charges));
  await pause(5);
  // The wait rises when the breaker opens, and again with each probe that fails.
  const { retryAfterMs } = backend;
  if (retryAfterMs > waitMs) rises += 1;
  waitMs = retryAfterMs;
}
if (process.argv[4] === 'answered') await Promise.all(calls);
const lost = [];
backend.listen(({ type, code }) => type === 'lost' && lost.push(code));
const refund = backend.settle(kept.receipt, [0]);
if (process.argv[4] === 'answered') await refund;
await backend.close();
client.disconnect();
const modes = (await Promise.all(calls)).map(({ degraded }) => degraded ?? 'redis');
await refund;
console.log('closed', JSON.stringify({ modes: [...new Set(modes)], lost, unhandled }));
`;

let compiled: ReturnType<typeof compileBackends>;

beforeAll(() => {
  compiled = compileBackends();
  writeFileSync(path.join(compiled.folder, 'program.js'), PROGRAM);
});

afterAll(() => compiled[Symbol.dispose]());

/** Runs the program, calls `meanwhile` once the backend was used, and returns how the program ended. */
async function run(rises: number, how: string, meanwhile: (server: RedisServer) => Promise<void> | void) {
  await using server = await RedisServer.start();
  const child = spawn(process.execPath, ['program.js', String(server.port), String(rises), how], {
    cwd: compiled.folder,
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const said: Record<string, unknown> = {};
  let errors = '';
  let closedAt = 0;
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  for await (const line of createInterface(child.stdout)) {
    const space = line.indexOf(' ');
    said[line.slice(0, space)] = JSON.parse(line.slice(space));
    if (line.startsWith('used')) {
      await meanwhile(server);
      child.stdin.write('go on\n');
    } else closedAt = performance.now();
  }
  const code = await exited;
  return { said, errors, code, msToExit: performance.now() - closedAt };
}

describe('a process whose backend is closed', () => {
  it.each([
    ['when all is answered', 0, 'answered', () => undefined, ['redis'], []],
    [
      'with calls in flight to a server that stands still',
      0,
      'pending',
      (server: RedisServer) => server.freeze(),
      ['local'],
      ['CONNECTION'],
    ],
    [
      'during an outage, after probes in vain',
      2,
      'pending',
      (server: RedisServer) => server.kill(),
      ['local'],
      ['UNAVAILABLE'],
    ],
  ])('exits without process.exit(), %s', async (_, rises, how, meanwhile, modes, lost) => {
    const { said, errors, code, msToExit } = await run(rises, how, meanwhile);
    expect(errors).toBe('');
    expect(said).toEqual({ used: {}, closed: { modes, lost, unhandled: 0 } });
    expect(code).toBe(0);
    // At once, but for what a loaded machine takes to end a process.
    expect(msToExit).toBeLessThan(5000);
  });
});

describe('a client that the backend did not open', () => {
  it('stays open when the backend is closed', async () => {
    await using server = await RedisServer.start();
    const client = await connect(server);
    const [closed, other] = [guarded(client, 'local', PATIENT_MS), guarded(client, 'local', PATIENT_MS)];
    await closed.backend.spend([charge(counter('c'))]);
    await closed.backend.close();
    await closed.backend.close();
    expect(client.status).toBe('ready');
    expect(await client.ping()).toBe('PONG');
    expect(await other.backend.spend([charge(counter('c'))])).not.toHaveProperty('degraded');
    client.disconnect();
  });
});
