import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster, type Command, Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { BackendError } from '../../../../src/backends/backend-error.js';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ResilientBackend } from '../../../../src/backends/resilience/resilient.backend.js';
import { ThrottleConfigError } from '../../../../src/core/errors.js';
import { BUILT_IN_STRATEGIES } from '../../../../src/strategies/built-in-strategies.js';
import { definePolicies, definePolicy } from '../../../../src/strategies/define-policy.js';
import { defineConcurrency } from '../../../../src/strategies/held/define-held-policy.js';
import { defineStrategy } from '../../../../src/strategies/strategy.js';
import { askUntil, charge, counter, guarded, PATIENT_MS, SECRET, textOf } from '../../../support/redis/faults.js';
import { connect, freePort, RedisServer, recommended } from '../../../support/redis/redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

const PASSWORD = 'pass-w0rd-of-redis';
const settings = { ...recommended, retryStrategy: () => 50, disconnectTimeout: 50 };

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
  const admin = await connect(server);
  await admin.config('SET', 'requirepass', PASSWORD);
  admin.disconnect();
});

afterAll(() => server[Symbol.asyncDispose]());

/** The error of a call on a client that has no connection, once the client knows why. */
async function causeOf(client: ConstructorParameters<typeof RedisBackend>[0], timeoutMs = PATIENT_MS) {
  const backend = new RedisBackend(client, { prefix: freshPrefix(), timeoutMs });
  let error: unknown;
  await askUntil(
    async () => {
      error = await Promise.resolve(backend.spend([charge(counter('c'), SECRET)])).catch((found: unknown) => found);
    },
    () => error instanceof BackendError && !error.message.includes('status of the client'),
  );
  await backend.close();
  if (!(error instanceof BackendError)) throw error;
  expect(textOf(error)).not.toContain(SECRET);
  expect(textOf(error)).not.toContain(PASSWORD);
  return error;
}

describe.each([
  ['ioredis 6', (options: object) => new Redis({ ...settings, ...options })],
  ['ioredis 5', (options: object) => new Redis5({ ...settings, ...options })],
])('a client without a connection, of %s', (_, open) => {
  it('reports a wrong password', async () => {
    const client = open({ ...server.address, password: `wrong ${PASSWORD}` });
    expect(await causeOf(client)).toMatchObject({
      code: 'WRONGPASS',
      transient: false,
      message: `Redis at 127.0.0.1:${server.port}: WRONGPASS invalid username-password pair or user is disabled.`,
    });
    client.disconnect();
  });

  it('reports a missing password', async () => {
    const client = open(server.address);
    const error = await causeOf(client);
    expect(error).toMatchObject({ code: 'NOAUTH', transient: false });
    expect(error.message).toMatch(/^Redis at 127\.0\.0\.1:\d+: NOAUTH /);
    client.disconnect();
  });

  it('reports a host that does not exist', async () => {
    const client = open({ host: 'redis.invalid', port: 6390 });
    const error = await causeOf(client);
    expect(error).toMatchObject({ code: 'CONNECTION', transient: true });
    expect(error.message).toMatch(/^Redis at redis\.invalid:6390: getaddrinfo E\w+ redis\.invalid$/);
    client.disconnect();
  });

  it('reports a refused connection', async () => {
    const port = await freePort();
    const client = open({ host: '127.0.0.1', port });
    expect(await causeOf(client)).toMatchObject({
      code: 'CONNECTION',
      message: `Redis at 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
    });
    client.disconnect();
  });

  it('drops the cause when it is connected', async () => {
    await using other = await RedisServer.start();
    const client = open(other.address);
    client.on('error', () => undefined);
    const backend = new RedisBackend(client, { timeoutMs: PATIENT_MS });
    await askUntil(
      () => client.status,
      (status) => status === 'ready',
    );
    await other.kill();
    await causeOf(client);
    await other.start();
    await askUntil(
      () => client.status,
      (status) => status === 'ready',
    );
    await backend.spend([charge(counter('c'))]);
    other.freeze();
    const impatient = new RedisBackend(client, { timeoutMs: 50 });
    await expect(impatient.spend([charge(counter('c'))])).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: `Redis at 127.0.0.1:${other.port} did not answer within 50 ms`,
    });
    client.disconnect();
  });
});

describe('a client of a Cluster', () => {
  it('reports the error of the last node', async () => {
    const client = new Cluster([server.address], {
      redisOptions: { ...recommended, password: 'wrong', disconnectTimeout: 50 },
      retryDelayOnFailover: 0,
      clusterRetryStrategy: () => 50,
    });
    const error = await causeOf(client, 200);
    expect(error).toMatchObject({ code: 'WRONGPASS', transient: false });
    expect(error.message).toContain('WRONGPASS invalid username-password pair');
    client.disconnect();
  });
});

describe('the check at startup', () => {
  it.each(['with the connection', 'before it, which it waits for', 'and opens a lazy one'])(
    'calls %s',
    async (when) => {
      await using own = await RedisServer.start();
      const client = when.startsWith('with')
        ? await connect(own)
        : new Redis({ ...own.address, ...settings, lazyConnect: when.includes('lazy') });
      const { backend, events, failed } = guarded(client, 'local', PATIENT_MS);
      await backend.warnings();
      expect([events, failed, [...backend.failures]]).toEqual([[], [], []]);
      client.disconnect();
    },
  );

  it.each(['at once', 'while the client says hello'])(
    'waits even if startup blocks the event loop %s',
    async (when) => {
      await using own = await RedisServer.start();
      const client = new Redis({ ...own.address, ...settings });
      const timeoutMs = 1000;
      const { backend, events, failed } = guarded(client, 'local', timeoutMs);
      const block = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, timeoutMs + 100);
      if (when !== 'at once') client.once('connect', block);
      const checked = backend.warnings();
      if (when === 'at once') block();
      await checked;
      expect([events, failed, [...backend.failures]]).toEqual([[], [], []]);
      client.disconnect();
    },
  );

  it('is repeated after it failed, and reports when the backend responds', async () => {
    await using own = await RedisServer.start();
    await own.kill();
    const client = new Redis({ ...settings, ...own.address });
    const { backend, events, failed } = guarded(client, 'local', PATIENT_MS);
    await backend.warnings();
    expect([events, failed]).toMatchObject([[], [{ code: 'CONNECTION', atStartup: true }]]);
    await own.start();
    await askUntil(
      () => events.length,
      (count) => count > 0,
    );
    expect(events).toEqual([{ type: 'recovered' }]);
    await backend.close();
    client.disconnect();
  });

  it('emits and counts a failure, but not as one of those that open the circuit breaker', async () => {
    const client = new Redis({ ...settings, ...server.address, password: 'wrong' });
    const { backend, events, failed } = guarded(client, 'local', PATIENT_MS);
    await backend.warnings();
    const message = `Redis at 127.0.0.1:${server.port}: WRONGPASS invalid username-password pair or user is disabled.`;
    const failure = { type: 'failed', code: 'WRONGPASS', message, transient: false };
    expect(failed).toEqual([{ ...failure, atStartup: true }]);
    for (let i = 0; i < 4; i++) await backend.spend([charge(counter('c'))]);
    expect([events, backend.failures.get('WRONGPASS')]).toEqual([[], 5]);
    expect(failed).toEqual([{ ...failure, atStartup: true }, failure]);
    client.disconnect();
  });

  it('ends at the deadline, even if a server is frozen', async () => {
    await using own = await RedisServer.start();
    const client = await connect(own);
    const { backend, failed } = guarded(client, 'local', 50);
    own.freeze();
    await backend.warnings();
    const message = `Redis at 127.0.0.1:${own.port} did not answer within 50 ms`;
    expect(failed).toEqual([{ type: 'failed', code: 'TIMEOUT', message, transient: true, atStartup: true }]);
    client.disconnect();
  });
});

/** A client of a server whose scripts have no `struct` and no `cmsgpack`, as of some that imitate Redis. */
function withoutLibraries(client: Redis) {
  const run = (name: string, script: string, ...args: (string | number)[]): Promise<unknown> =>
    name === 'evalsha'
      ? Promise.reject(new Error('NOSCRIPT No matching script'))
      : client.callBuffer(name, `local struct, cmsgpack = nil, nil\n${script}`, ...args);
  return {
    callBuffer: run,
    evalsha: () => Promise.reject(new Error('NOSCRIPT No matching script')),
    eval: client.eval.bind(client),
    del: client.del.bind(client),
    options: client.options,
  };
}

describe('a server that cannot run the scripts', () => {
  it('reports that at startup, and for each call', async () => {
    await using own = await RedisServer.start();
    const client = await connect(own);
    const { backend, failed } = guarded(withoutLibraries(client), 'local', PATIENT_MS);
    await backend.warnings();
    const { degraded } = await backend.spend([charge(counter('c'), SECRET)]);
    expect(degraded).toBe('local');
    expect(failed).toMatchObject([{ code: 'SCRIPT', transient: false, atStartup: true }, { code: 'SCRIPT' }]);
    for (const event of failed) {
      expect('message' in event && event.message).toMatch(
        /^Redis at 127\.0\.0\.1:\d+: Redis cannot run the script: .*attempt to index .*struct/,
      );
    }
    client.disconnect();
  });
});

describe('the Lua of a custom strategy', () => {
  const fixedWindow = BUILT_IN_STRATEGIES.find(({ name }) => name === 'fixed-window');
  const twin = (name: string, lua: string) => {
    if (fixedWindow === undefined) throw new Error('there is no fixed window');
    return defineStrategy({ ...fixedWindow, name, lua });
  };

  it.each([
    ['that throws', 'return { step = function() error("oh no") end, amend = function(s) return s end }', /oh no/],
    ['that calls nothing', 'return { step = function() return nope() end, amend = function(s) return s end }', /nope/],
    ['that is none', 'return { step = ', /unexpected symbol|near/],
    [
      'that leaves out a member',
      'return { step = function() return { 1 }, { allowed = true } end, amend = function(s) return s end }',
      /omit a member/,
    ],
  ])('%s is an error of the user, not an outage', async (_, lua, message) => {
    await using own = await RedisServer.start();
    const client = await connect(own);
    const { backend, events, failed } = guarded(client, 'local', PATIENT_MS);
    const strategy = twin('broken', lua);
    backend.use([strategy]);
    const [policy] = definePolicies('p', 'p', { rate: '5/s', strategy: 'broken' }, { strategies: [strategy] });
    if (policy === undefined) throw new Error('there is no policy');
    for (let i = 0; i < 6; i++) {
      const error = await Promise.resolve(backend.spend([charge(policy)])).catch((found: unknown) => found);
      expect(error).toBeInstanceOf(ThrottleConfigError);
      expect(String(error)).toMatch(message);
    }
    expect([events, failed, [...backend.failures]]).toEqual([[], [], []]);
    client.disconnect();
  });

  /** A client whose errors of a command within a script are those of Redis 6.2. */
  const asOfRedis62 = (client: Redis): Redis => {
    const reword = (error: Error) => {
      error.message = error.message.replace(
        /^(.*) script: (\w+), on @user_script:(\d+)\.$/,
        'ERR Error running script (call to f_$2): @user_script:$3: @user_script: $3: -$1',
      );
    };
    const sendCommand = (command: Command) => {
      const sent = Promise.resolve(client.sendCommand(command));
      sent.catch(reword);
      return sent;
    };
    return Object.create(client, { sendCommand: { value: sendCommand } });
  };

  it.each([
    ['Redis 7', (client: Redis) => client],
    ['Redis 6.2', asOfRedis62],
  ])('is not the reason where another script fails, of %s', async (_, clientOf) => {
    await using own = await RedisServer.start();
    const client = await connect(own);
    const backend = new RedisBackend(clientOf(client), { prefix: freshPrefix(), timeoutMs: PATIENT_MS });
    const { settings, blocks, holds } = backend;
    if (settings === undefined || blocks === undefined || holds === undefined) throw new Error('it has all parts');
    // Its lines are those of the other scripts, too.
    backend.use([twin('long', '\n'.repeat(1000))]);
    const budget = { policy: definePolicy('api', { rate: '5/s', block: true }), subject: 'ada' };
    const hold = { ...budget, policy: defineConcurrency('exports', 5), id: 1 };
    await holds.take([{ ...hold, units: 1, ttlMs: 60_000 }], []);
    await client.replicaof('127.0.0.1', await freePort());
    const failed = await Promise.allSettled([
      backend.reset([budget]),
      settings.setOverride({ policy: 'api', subject: 'ada', rate: 'unlimited' }),
      settings.changePolicy({ policy: 'api', mode: 'off' }),
      blocks.setBlock(budget, 60_000),
      holds.end([{ ...hold, units: 0 }]),
    ]);
    expect(failed).toMatchObject(failed.map(() => ({ reason: { code: 'READONLY', transient: true } })));
    client.disconnect();
  });
});

describe('a custom backend', () => {
  /** Remote, and fails by an error of any kind. */
  const failing = (error: unknown) => {
    const fail = () => Promise.reject(error);
    return new ResilientBackend({ remote: true, spend: fail, peek: fail, settle: fail, reset: fail }, 'local');
  };

  it.each([
    ['a bug', new TypeError('undefined is not a function')],
    ['an error without a code', new Error('oh no')],
    ['a code of Node', Object.assign(new Error('bad argument'), { code: 'ERR_INVALID_ARG_TYPE' })],
    ['what is no error', 'oh no'],
  ])('has its error passed on: %s', async (_, error) => {
    const backend = failing(error);
    const events: unknown[] = [];
    backend.listen((event) => events.push(event));
    const target = { policy: counter('c'), subject: 'ada' };
    for (let i = 0; i < 6; i++) await expect(backend.spend([{ ...target, cost: 1 }])).rejects.toBe(error);
    await expect(Promise.resolve(backend.reset([target]))).rejects.toBe(error);
    expect([events, [...backend.failures], backend.retryAfterMs]).toEqual([[], [], 0]);
  });

  it.each([
    [new BackendError('BUSY', 'busy'), 'BUSY'],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'CONNECTION'],
  ])('has an outage if its error is a BackendError: %s', async (error, code) => {
    const backend = failing(error);
    for (let i = 0; i < 5; i++) await backend.spend([charge(counter('c'))]);
    expect([...backend.failures]).toEqual([[code, 5]]);
    expect(backend.retryAfterMs).toBeGreaterThan(0);
  });
});
