import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../../../src/core/clock.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import type { Trace } from '../../../../src/testing/contract/harness/conformance-trace.js';
import { CONFORMANCE_TRACES as traces } from '../../../../src/testing/contract/harness/conformance-traces.generated.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { connect, RedisCluster, RedisServer } from '../../../support/redis/redis.js';

const settings = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false };
/** A timeout of the Cluster client. The default is a second, which a loaded machine may miss. */
const slotsRefreshTimeout = 10_000;

/** The common interface of clients of all versions. */
interface AnyClient {
  connect(): Promise<unknown>;
  disconnect(): void;
}

type Usable = AnyClient & ConstructorParameters<typeof RedisBackend>[0];

let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [server, cluster] = await Promise.all([RedisServer.start(), RedisCluster.start()]);
});

afterAll(async () => {
  await Promise.all([server?.[Symbol.asyncDispose](), cluster?.[Symbol.asyncDispose]()]);
});

const nodes = () => cluster.servers.map(({ address }) => address);

const CLIENTS: readonly (readonly [name: string, make: () => Usable])[] = [
  ['Redis of ioredis 6', () => new Redis({ ...server.address, ...settings, lazyConnect: true })],
  ['Redis of ioredis 5', () => new Redis5({ ...server.address, ...settings, lazyConnect: true })],
  [
    'Redis of ioredis 6 with automatic pipelines',
    () => new Redis({ ...server.address, ...settings, lazyConnect: true, enableAutoPipelining: true }),
  ],
  [
    'Redis of ioredis 6 with a prefix of its own',
    () => new Redis({ ...server.address, ...settings, lazyConnect: true, keyPrefix: 'app:' }),
  ],
  [
    'Cluster of ioredis 6',
    () => new Cluster(nodes(), { redisOptions: settings, slotsRefreshTimeout, lazyConnect: true }),
  ],
  [
    'Cluster of ioredis 5',
    () => new Cluster5(nodes(), { redisOptions: settings, slotsRefreshTimeout, lazyConnect: true }),
  ],
];

let prefixes = 0;

/** Returns the decision on each step of a trace, in the form of the trace. */
async function answersTo(
  { id, policy: { strategy, limit, periodMs, ...more }, steps }: Trace,
  client: Usable,
  batch: boolean,
) {
  const clock = new ManualClock();
  const backend = new RedisBackend(client, { clock, batch, prefix: `v${prefixes++}`, timeoutMs: PATIENT_MS });
  const policy = definePolicy(id, { rate: `${limit}/${periodMs}ms`, strategy, ...more });
  const answers: unknown[] = [];
  for (const { at, cost } of steps) {
    clock.set(at);
    const [decision] = (await backend.spend([{ policy, subject: 'trace', cost }])).decisions;
    if (decision === undefined) throw new Error('no decision');
    const { allowed, remaining, resetMs, retryAfterMs, delayMs } = decision;
    answers.push({ at, cost, expect: { allowed, remaining, resetMs, retryAfterMs, delayMs } });
  }
  return answers;
}

describe.each(CLIENTS)('%s', (_name, make) => {
  let client: Usable;

  beforeAll(async () => {
    client = make();
    await client.connect();
  });

  afterAll(() => client?.disconnect());

  it.each([true, false])('follows every conformance trace, with batch: %s', async (batch) => {
    const told = await Promise.all(traces.map((trace) => answersTo(trace, client, batch)));
    expect(traces.map(({ id }, i) => [id, told[i]])).toEqual(traces.map(({ id, steps }) => [id, steps]));
  });

  it.each([true, false])(
    'takes all or none over several subjects, and returns units, with batch: %s',
    async (batch) => {
      const clock = new ManualClock(Date.UTC(2026, 0, 1));
      const backend = new RedisBackend(client, { clock, batch, prefix: `v${prefixes++}`, timeoutMs: PATIENT_MS });
      const policy = definePolicy('p', '10/h');
      const charges = Array.from({ length: 20 }, (_, i) => ({ policy, subject: `user:${i}`, cost: 1 + (i % 9) }));
      const left = async () =>
        (await backend.peek(charges.map((charge) => ({ ...charge, cost: 0 })))).decisions.map(
          ({ remaining }) => remaining,
        );
      const { receipt } = await backend.spend(charges);
      if (receipt === undefined) throw new Error('nothing was taken');
      const after = charges.map(({ cost }) => 10 - cost);
      expect(await left()).toEqual(after);
      expect((await backend.spend(charges)).allowed).toBe(false);
      expect(await left()).toEqual(after);
      await backend.settle(
        receipt,
        charges.map(() => 0),
      );
      expect(await left()).toEqual(charges.map(() => 10));
      await backend.reset(charges);
    },
  );

  it.each([true, false])('reloads its scripts after the server has lost them, with batch: %s', async (batch) => {
    const backend = new RedisBackend(client, { batch, prefix: `v${prefixes++}`, timeoutMs: PATIENT_MS });
    const charges = [{ policy: definePolicy('p', '10/h'), subject: 'ada', cost: 1 }];
    await backend.spend(charges);
    for (const node of [server, ...cluster.servers]) {
      const admin = await connect(node);
      await admin.script('FLUSH');
      admin.disconnect();
    }
    const { decisions, receipt } = await backend.spend(charges);
    expect(decisions[0]?.remaining).toBe(8);
    if (receipt !== undefined) await backend.settle(receipt, [0]);
    expect((await backend.peek(charges)).decisions[0]?.remaining).toBe(8);
  });
});
