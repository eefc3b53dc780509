import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { RedisBackend, Throttle, ThrottleService } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';
import { PATIENT_MS } from '../support/redis/faults.js';
import { connect, RedisServer } from '../support/redis/redis.js';
import { freshPrefix } from '../support/redis/redis-shared.js';

/** The deadline of calls that no answer can reach: the shorter, the sooner the test is done. */
const FROZEN_MS = 100;

@Controller()
class FleetController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Throttle('3/min', { strategy: 'sliding-log' })
  @Get('list')
  list() {
    return 'list';
  }

  @Throttle('payments')
  @Get('pay')
  pay() {
    return 'paid';
  }

  @Get('by-hand')
  async byHand() {
    const { degraded } = await this.throttle.hit('payments', 1);
    return degraded ?? 'decided';
  }
}

describe.each(adapters)('an application on Redis, with %s', (adapter) => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    client = await connect(server);
  });

  afterEach(() => server.thaw());

  afterAll(async () => {
    client.disconnect();
    await server[Symbol.asyncDispose]();
  });

  /** @param timeoutMs long where Redis answers, short where it has been frozen before the first call */
  const start = (prefix: string, timeoutMs: number, options: object = {}, warnings: string[] = []) =>
    startApp({
      adapter,
      controllers: [FleetController],
      warnings,
      options: {
        backend: new RedisBackend(client, { prefix, timeoutMs }),
        policies: { payments: '5/min' },
        ...options,
      },
    });

  it('shares one budget with other processes of the fleet', async () => {
    const prefix = freshPrefix();
    await using one = await start(prefix, PATIENT_MS);
    await using other = await start(prefix, PATIENT_MS);
    const startedAt = performance.now();
    expect([...(await one.statuses('/list', 2)), ...(await other.statuses('/list', 2))]).toEqual([200, 200, 200, 429]);
    const { ratelimit = '' } = (await one.send('/list')).headers;
    const [, waitS] = String(ratelimit).match(/^"default";r=0;t=(\d+)$/) ?? [];
    // The first charge leaves the log a minute after it was made.
    expect(Number(waitS)).toBeLessThanOrEqual(60);
    expect(Number(waitS)).toBeGreaterThanOrEqual(59 - Math.ceil((performance.now() - startedAt) / 1000));
  });

  it('limits in the process while Redis does not respond, and logs that once', async () => {
    const warnings: string[] = [];
    await using app = await start(freshPrefix(), FROZEN_MS, {}, warnings);
    server.freeze();
    expect(await app.statuses('/list', 4)).toEqual([200, 200, 200, 429]);
    expect(await app.statuses('/list', 4)).toEqual([429, 429, 429, 429]);
    expect(warnings).toEqual([
      `The backend is unavailable (TIMEOUT): Redis at 127.0.0.1:${server.port} did not answer within ${FROZEN_MS} ms. Until it recovers, calls are limited in this process (onError: "local"), unless a policy says otherwise.`,
    ]);
  });

  it('responds with 503 instead of 429 for a policy with onError "deny"', async () => {
    const policies = { payments: { rate: '5/min', onError: 'deny' } };
    await using app = await start(freshPrefix(), FROZEN_MS, { policies });
    server.freeze();
    for (const path of ['/pay', '/by-hand']) {
      const { status, headers, body } = await app.send(path);
      expect([status, headers['retry-after'], headers['cache-control'], headers.ratelimit]).toEqual([
        503,
        '1',
        'no-store',
        undefined,
      ]);
      expect(body).toEqual({
        statusCode: 503,
        error: 'Service Unavailable',
        message: 'Limits cannot be checked now. Retry in 1 second.',
        retryAfter: 1,
      });
    }
    expect((await app.send('/list')).status).toBe(200);
  });

  it('writes the 503 as problem details with errors "problem"', async () => {
    await using app = await start(freshPrefix(), FROZEN_MS, { onError: 'deny', errors: 'problem' });
    server.freeze();
    const { status, headers, body } = await app.send('/pay');
    expect([status, headers['content-type']?.split(';')[0]]).toEqual([503, 'application/problem+json']);
    expect(body).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      title: 'Service Unavailable',
      status: 503,
      detail: 'Limits cannot be checked now. Retry in 1 second.',
      retryAfter: 1,
    });
  });

  it('lets calls pass with onError "allow" of the module', async () => {
    await using app = await start(freshPrefix(), FROZEN_MS, { onError: 'allow' });
    server.freeze();
    expect(await app.statuses('/list', 5)).toEqual([200, 200, 200, 200, 200]);
    expect((await app.send('/by-hand')).text).toBe('allow');
  });

  it('warns at startup of client settings that charge twice', async () => {
    const careless = await connect(server, { autoResendUnfulfilledCommands: true });
    const warnings: string[] = [];
    try {
      await using app = await startApp({
        adapter,
        warnings,
        options: { default: '9/min', backend: new RedisBackend(careless, { timeoutMs: PATIENT_MS }) },
      });
      expect(app.port).toBeGreaterThan(0);
    } finally {
      careless.disconnect();
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('autoResendUnfulfilledCommands: false');
  });
});
