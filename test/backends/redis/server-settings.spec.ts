import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../../src/backends/redis/clients/redis-client.js';
import { RedisBackend } from '../../../src/backends/redis/redis.backend.js';
import { askUntil, comesWithin, GRACE_MS, guarded, PATIENT_MS, TIMEOUT_MS } from '../../support/redis/faults.js';
import { connect, RedisServer, recommended, recommendedCluster } from '../../support/redis/redis.js';

const opened: { disconnect(): void }[] = [];
let server: RedisServer;
let node: RedisServer;
let admin: Redis;

beforeAll(async () => {
  [server, node] = await Promise.all([
    RedisServer.start(),
    RedisServer.start(['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']),
  ]);
  admin = await connect(server);
  const client = await connect(node);
  await client.cluster('ADDSLOTSRANGE', 0, 16_383);
  await askUntil(
    () => client.cluster('INFO'),
    (info) => info.includes('cluster_state:ok'),
  );
  client.disconnect();
});

afterEach(() => {
  for (const client of opened.splice(0)) client.disconnect();
});

afterAll(async () => {
  admin.disconnect();
  await Promise.all([server, node].map((each) => each[Symbol.asyncDispose]()));
});

type Options = Readonly<Record<string, unknown>>;
type Opened = RedisClient & {
  readonly status: string;
  disconnect(): void;
  on(event: 'error', listener: () => void): unknown;
};

/** Connected, unless that is left for later. */
async function keep<T extends Opened>(client: T): Promise<T> {
  client.on('error', () => undefined);
  opened.push(client);
  await askUntil(
    () => client.status,
    (status) => status === 'ready' || status === 'wait',
  );
  return client;
}

const warningsOf = (client: RedisClient) => new RedisBackend(client, { timeoutMs: PATIENT_MS }).warnings();
const WITHOUT = { disconnectTimeout: 50, retryStrategy: () => 50 };

describe.each([
  ['6', (options: Options) => keep(new Redis({ ...server.address, ...WITHOUT, ...options }))],
  ['5', (options: Options) => keep(new Redis5({ ...server.address, ...WITHOUT, ...options }))],
])('a Redis of ioredis %s', (_, open) => {
  it('causes no warning with the recommended settings', async () => {
    expect(await warningsOf(await open({ ...recommended, enableOfflineQueue: false }))).toEqual([]);
  });

  it.each([
    ['autoResendUnfulfilledCommands', true, /charge a call twice\. Set autoResendUnfulfilledCommands: false\./],
    ['autoResendUnfulfilledCommands', undefined, /charge a call twice\. Set autoResendUnfulfilledCommands: false\./],
    ['maxRetriesPerRequest', 20, /charge a call twice\. Set maxRetriesPerRequest: 0\./],
    ['maxRetriesPerRequest', null, /charge a call twice\. Set maxRetriesPerRequest: 0\./],
    ['enableOfflineQueue', true, /wait until they time out\. Set enableOfflineQueue: false,/],
  ])('causes a warning for %s: %s, with the setting to use', async (option, value, text) => {
    expect(await warningsOf(await open({ ...recommended, [option]: value }))).toEqual([expect.stringMatching(text)]);
  });

  it('causes a warning for each unsafe default of ioredis', async () => {
    expect(await warningsOf(await open({}))).toHaveLength(3);
  });

  it.each([
    [undefined, 1],
    [false, 1],
    [true, 0],
  ])('causes a warning for Sentinel with failoverDetector: %s', async (failoverDetector, count) => {
    // There is no sentinel: the warning comes before any is called.
    const sentinels = [server.address];
    const client = await open({
      ...recommended,
      sentinels,
      name: 'x',
      lazyConnect: true,
      failoverDetector,
      sentinelRetryStrategy: () => null,
    });
    const warnings = await warningsOf(client);
    expect(warnings).toEqual(Array(count).fill(expect.stringMatching(/frozen\. Set failoverDetector: true\.$/)));
  });
});

describe.each([
  ['6', (options: Options) => keep(new Cluster([node.address], options))],
  ['5', (options: Options) => keep(new Cluster5([node.address], options))],
])('a Cluster of ioredis %s', (_, open) => {
  const redisOptions = { ...recommended, disconnectTimeout: 50 };

  it('causes no warning with the recommended settings', async () => {
    expect(await warningsOf(await open({ ...recommendedCluster, redisOptions }))).toEqual([]);
  });

  it.each([
    ['retryDelayOnFailover', { redisOptions }, /charge a call twice\. Set retryDelayOnFailover: 0\./],
    [
      'autoResendUnfulfilledCommands',
      { retryDelayOnFailover: 0, redisOptions: { ...redisOptions, autoResendUnfulfilledCommands: true } },
      /charge a call twice\. Set redisOptions\.autoResendUnfulfilledCommands: false\./,
    ],
    [
      'maxRetriesPerRequest',
      { retryDelayOnFailover: 0, redisOptions: { ...redisOptions, maxRetriesPerRequest: 20 } },
      /charge a call twice\. Set redisOptions\.maxRetriesPerRequest: 0\./,
    ],
  ])('causes a warning for %s, with the setting to use', async (_, options, text) => {
    expect(await warningsOf(await open(options))).toEqual([expect.stringMatching(text)]);
  });

  it('causes a warning for each unsafe default of ioredis', async () => {
    expect(await warningsOf(await open({}))).toHaveLength(3);
  });

  it('causes a warning for a server that evicts', async () => {
    const client = await connect(node);
    await client.config('SET', 'maxmemory-policy', 'volatile-ttl');
    expect(await warningsOf(await open({ ...recommendedCluster, redisOptions }))).toEqual([
      expect.stringMatching(/maxmemory-policy volatile-ttl\).*Set maxmemory-policy noeviction\.$/),
    ]);
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    client.disconnect();
  });
});

describe('the warnings', () => {
  it.each(['allkeys-lru', 'volatile-lfu'])('name a server that evicts by %s', async (policy) => {
    await admin.config('SET', 'maxmemory-policy', policy);
    expect(await warningsOf(admin)).toEqual([
      expect.stringMatching(`\\(maxmemory-policy ${policy}\\).*Set maxmemory-policy noeviction\\.$`),
    ]);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
  });

  it('name a server of 32 bits, which cannot read the states', async () => {
    const info = async (section: string) => (await admin.info(section)).replace(/arch_bits:\d+/, 'arch_bits:32');
    expect(await warningsOf(Object.create(admin, { info: { value: info } }))).toEqual([
      'The Redis server is a 32-bit build, whose scripts cannot read numbers of 7 bytes, so counters are decoded wrongly. Use a 64-bit build.',
    ]);
  });

  it('come in time for a frozen server, and for none', async () => {
    const client = await connect(server, { maxRetriesPerRequest: 20 });
    const nobody = await keep(
      new Redis({
        lazyConnect: true,
        host: '127.0.0.1',
        port: 1,
        ...recommended,
        ...WITHOUT,
        autoResendUnfulfilledCommands: true,
      }),
    );
    server.freeze();
    const checks = Promise.all([client, nobody].map((each) => guarded(each).backend.warnings()));
    const isInTime = await comesWithin(TIMEOUT_MS + GRACE_MS, checks);
    const warnings = await checks;
    server.thaw();
    client.disconnect();
    expect(warnings.map(({ length }) => length)).toEqual([1, 1]);
    expect(isInTime).toBe(true);
  });

  it('ignore a server whose configuration the user may not read', async () => {
    await admin.acl('SETUSER', 'mute', 'on', '>x', '~*', '+@all', '-info');
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const client = await connect(server, { username: 'mute', password: 'x', enableReadyCheck: false });
    expect(await warningsOf(client)).toEqual([]);
    client.disconnect();
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
  });
});
