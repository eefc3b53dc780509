import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { type Outcome, Throttle, type ThrottleException, type ThrottleModuleOptions } from '../../src/index.js';
import { RetryJitter } from '../../src/transports/retry-jitter.js';
import { startSockets } from '../support/gateway-app.js';
import { adapters, startApp } from '../support/http-app.js';
import { startContext } from '../support/service-app.js';
import { until } from '../support/wait-until.js';
import { speaking } from './sockets/chat-gateway.js';

/** Numbers from 0 up to 1, the same for a seed (Park and Miller). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

const api = { rate: '1/min', strategy: 'fixed-window' } as const;
const denialOf = async (call: Promise<Outcome>) =>
  call.then(
    () => undefined,
    (error: ThrottleException) => error,
  );

/**
 * Returns the waits announced to a number of clients that are denied at one instant, a minute before their limits allow
 * them again.
 */
async function waitsOf(clients: number, options: ThrottleModuleOptions): Promise<readonly number[]> {
  await using context = await startContext({ policies: { api }, ...options });
  const waits: number[] = [];
  for (let i = 0; i < clients; i++) {
    const on = { subject: `ip:10.0.${i >> 8}.${i & 255}` };
    await context.throttle.hit('api', 1, on);
    const denial = await denialOf(context.throttle.hit('api', 1, on));
    expect(denial?.outcome.binding?.retryAfterMs).toBe(60_000);
    waits.push(Reflect.get(Object(denial?.getResponse()), 'retryAfter'));
  }
  return waits;
}

describe('the waits of 1000 clients that are denied at once, for 60 s', () => {
  it('are spread over 6 s, never earlier, and no second has twice the mean', async () => {
    const waits = await waitsOf(1000, { retryJitter: { share: 0.1, random: seeded(42) } });
    const counts = new Map<number, number>();
    for (const wait of waits) counts.set(wait, (counts.get(wait) ?? 0) + 1);
    expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual([60, 61, 62, 63, 64, 65]);
    expect(Math.max(...counts.values())).toBeLessThan((2 * 1000) / counts.size);
  });

  it('are random, within their bounds, without a source of random numbers', async () => {
    const waits = await waitsOf(200, { retryJitter: 0.5 });
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(60);
    expect(Math.max(...waits)).toBeLessThan(90);
    // 200 draws of 30 values: that all are one is as likely as 30 to the power of -199.
    expect(new Set(waits).size).toBeGreaterThan(1);
  });

  it('are exact by default, and with a jitter of 0', async () => {
    expect(new Set(await waitsOf(20, {}))).toEqual(new Set([60]));
    expect(new Set(await waitsOf(20, { retryJitter: 0 }))).toEqual(new Set([60]));
  });
});

const half = { retryJitter: { share: 0.5, random: () => 0.5 } };

describe.each(adapters)('a jitter of retries, on %s', (adapter) => {
  it('is in Retry-After, the body and its message alike; RateLimit stays exact', async () => {
    @Controller()
    class OpenController {
      @Throttle(api)
      @Get()
      list(): string {
        return 'list';
      }
    }
    const options = { headers: 'both', ...half } as const;
    await using app = await startApp({ adapter, controllers: [OpenController], options });
    await app.send('/');
    const { status, headers, body } = await app.send('/');
    expect([status, headers['retry-after'], body.retryAfter, body.message]).toEqual([
      429,
      '75',
      75,
      'Too many requests. Retry in 75 seconds.',
    ]);
    expect([headers.ratelimit, headers['x-ratelimit-reset']]).toEqual(['"default";r=0;t=60', '60']);
  });
});

describe.each(['ws', 'io'] as const)('a jitter of retries, on %s', (transport) => {
  it('is in the rate_limit message', async () => {
    await using sockets = await startSockets({ transport, gateways: speaking(), options: half });
    const socket = await sockets.connect();
    for (let i = 0; i < 3; i++) socket.send('say', i);
    await until(() => socket.received.some(({ event }) => event === 'rate_limit'));
    expect(socket.received.find(({ event }) => event === 'rate_limit')?.data).toMatchObject({ retry_after: 75 });
  });
});

describe('a jitter', () => {
  const outcomeOf = (retryAfterMs: number | null): Outcome => {
    const decision = {
      policy: 'api',
      allowed: false,
      limit: 1,
      remaining: 0,
      resetMs: 1,
      retryAfterMs,
      delayMs: 0,
      windowMs: 1,
    };
    return { allowed: false, decisions: [decision], binding: decision };
  };

  it('is drawn once per denial, and adds nothing to a wait that it would change by less than a second, or that never ends', () => {
    let draws = 0;
    const jitter = new RetryJitter(0.1, () => {
      draws++;
      return 0.999;
    });
    for (const ms of [1, 9000, null]) jitter.delay(outcomeOf(ms));
    expect(draws).toBe(2);
  });
});

describe('the option retryJitter', () => {
  it.each([
    [-0.1],
    [1.1],
    ['0.1'],
    [Number.NaN],
    [{}],
    [{ share: 2 }],
    [{ share: 0.1, seed: 1 }],
    [{ share: { share: 0 } }],
  ])('may not be %j', async (value) => {
    // Values that untyped code may pass.
    const options = { retryJitter: value } as never;
    await expect(startContext(options)).rejects.toThrow(
      'ThrottleModule.retryJitter: expected a share of the wait from 0 to 1',
    );
  });
});
