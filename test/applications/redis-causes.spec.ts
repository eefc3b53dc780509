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
      `${cause}. Until it recovers, limits are counted in this process (onError: "local"), unless a policy says otherwise.`,
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

  it('logs nothing about a client that connects in time', async () => {
    await using started = await start({ ...server.address, password: PASSWORD });
    expect(started.atStartup).toEqual([]);
    expect(started.app.app.get(ThrottleService).failures.size).toBe(0);
  });
});
