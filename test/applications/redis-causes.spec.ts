import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RedisBackend, Throttle, type ThrottleModuleOptions, ThrottleService } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';
import { PATIENT_MS } from '../support/redis/faults.js';
import { connect, freePort, RedisServer, recommended } from '../support/redis/redis.js';

const PASSWORD = 'pass-w0rd-of-redis';

@Controller()
class ListController {
  @Throttle('3/min')
  @Get('list')
  list() {
    return 'list';
  }
}

describe.each(adapters)('an application whose Redis cannot be used, with %s', (adapter) => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
    const admin = await connect(server);
    await admin.config('SET', 'requirepass', PASSWORD);
    admin.disconnect();
  });

  afterAll(() => server[Symbol.asyncDispose]());

  /** Starts with a client that was just made, and returns what was logged until the first call. */
  async function start(address: object, options: ThrottleModuleOptions = {}) {
    const client = new Redis({ ...recommended, retryStrategy: () => 50, disconnectTimeout: 50, ...address });
    const warnings: string[] = [];
    const backend = new RedisBackend(client, { timeoutMs: PATIENT_MS });
    const app = await startApp({ adapter, controllers: [ListController], warnings, options: { backend, ...options } });
    const atStartup = [...warnings];
    return {
      app,
      atStartup,
      warnings,
      async [Symbol.asyncDispose]() {
        await app[Symbol.asyncDispose]();
        client.disconnect();
      },
    };
  }

  it('starts, and logs a wrong password in one line, with the address and the effect of onError', async () => {
    await using started = await start({ ...server.address, password: `not ${PASSWORD}` });
    const { app, atStartup, warnings } = started;
    const cause = `Redis at 127.0.0.1:${server.port}: WRONGPASS invalid username-password pair or user is disabled`;
    expect(atStartup).toEqual([
      `${cause}. Until it recovers, calls are limited in this process (onError: "local"), unless a policy says otherwise.`,
    ]);
    expect(await app.statuses('/list', 4)).toEqual([200, 200, 200, 429]);
    expect([...app.app.get(ThrottleService).failures]).toEqual([['WRONGPASS', 5]]);
    expect(warnings.join('\n')).not.toContain(PASSWORD);
    // The fault was told at startup.
    expect(warnings).toEqual(atStartup);
  });

  it.each([
    ['allow', 'calls pass uncharged'],
    ['deny', 'calls are rejected with 503'],
  ] as const)('logs the effect of onError %s if nothing listens at the address', async (onError, meanwhile) => {
    const port = await freePort();
    await using started = await start({ host: '127.0.0.1', port }, { onError });
    expect(started.atStartup).toEqual([
      `Redis at 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}. Until it recovers, ${meanwhile} (onError: "${onError}"), unless a policy says otherwise.`,
    ]);
  });

  it.each([
    ['local', 'calls are limited in this process'],
    ['allow', 'calls pass uncharged'],
    ['deny', 'calls are rejected with 503'],
  ] as const)(
    'logs the cause and the effect of onError %s after five failures in a row',
    async (onError, meanwhile) => {
      const port = await freePort();
      await using started = await start({ host: '127.0.0.1', port }, { onError });
      const { app, atStartup, warnings } = started;
      await app.statuses('/list', 4);
      expect(warnings).toEqual(atStartup);
      await app.statuses('/list', 2);
      expect(warnings.slice(atStartup.length)).toEqual([
        `The backend is unavailable (CONNECTION): Redis at 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}. Until it recovers, ${meanwhile} (onError: "${onError}"), unless a policy says otherwise.`,
      ]);
    },
  );

  it('says which calls fail if the user may run only the commands of some policies', async () => {
    const admin = await connect(server, { password: PASSWORD });
    const commands = ['evalsha', 'eval', 'get', 'getrange', 'set', 'setrange', 'del', 'time', 'info'];
    const rules = ['on', '>secret', 'resetchannels', '~sluice:*', '-@all', ...commands.map((name) => `+${name}`)];
    await admin.call('ACL', 'SETUSER', 'plain', 'reset', ...rules);
    admin.disconnect();
    const policies = { calls: { concurrency: 1 }, login: { rate: '1/min', block: { for: '1h' } } } as const;
    const client = { ...server.address, username: 'plain', password: 'secret' };
    await using started = await start(client, { policies, default: '1000/min' });
    const { app, atStartup, warnings } = started;
    expect(atStartup).toEqual([]);
    const throttle = app.app.get(ThrottleService);
    expect(await throttle.run('calls', { subject: 'ada' }, async () => 'done')).toBe('done');
    const refusal =
      "NOPERM The user executing the script can't run this command or subcommand. " +
      'Grant the user the commands and keys that "Permissions" in docs/redis.md lists';
    expect(warnings).toEqual([
      `Redis at 127.0.0.1:${server.port}: ${refusal}. Until it recovers, calls that fail with this error are limited in this process (onError: "local"), unless a policy says otherwise.`,
    ]);
    expect(await app.statuses('/list', 1)).toEqual([200]);
    expect([...throttle.failures.keys()]).toEqual(['NOPERM']);
  });

  it('logs nothing about a client that connects in time', async () => {
    await using started = await start({ ...server.address, password: PASSWORD });
    expect(started.atStartup).toEqual([]);
    expect(started.app.app.get(ThrottleService).failures.size).toBe(0);
  });
});
