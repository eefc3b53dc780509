import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisBackend, type ThrottleEvent, ThrottleService } from '../../src/index.js';
import { startApp } from '../support/http-app.js';
import { PATIENT_MS } from '../support/redis/faults.js';
import { connect, RedisServer } from '../support/redis/redis.js';
import { freshPrefix } from '../support/redis/redis-shared.js';
import { until } from '../support/wait-until.js';

const ada = { subject: 'user:ada' };
const rate = { rate: '10/h', strategy: 'fixed-window' } as const;
const policies = {
  strict: { ...rate, onError: 'deny' },
  open: { ...rate, onError: 'allow' },
  local: { ...rate, onError: 'local' },
} as const;

describe('in an outage', () => {
  let server: RedisServer;
  let client: Redis;

  beforeEach(async () => {
    server = await RedisServer.start();
    client = await connect(server);
  });

  afterEach(async () => {
    client.disconnect();
    await server[Symbol.asyncDispose]();
  });

  const start = async (warnings: string[] = []) => {
    const backend = new RedisBackend(client, { prefix: freshPrefix(), timeoutMs: PATIENT_MS });
    const app = await startApp({ adapter: 'express', controllers: [], options: { backend, policies }, warnings });
    const throttle = app.app.get(ThrottleService);
    const events: ThrottleEvent[] = [];
    throttle.events$.subscribe((event) => events.push(event));
    const lost = () => events.flatMap((event) => (event.type === 'lost' ? event.what : []));
    return { app, throttle, events, lost };
  };

  it('a debit is never denied: depending on onError it rejects, passes uncharged, or counts in the process', async () => {
    const { app, throttle, events, lost } = await start();
    await using _ = app;
    await server.kill();
    // The sixth finds the circuit breaker open.
    for (let i = 0; i < 6; i++) {
      await expect(throttle.debit('strict', 1, ada)).rejects.toMatchObject({ name: 'BackendError', transient: true });
    }
    await expect(throttle.debit('strict', 1, ada)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await throttle.debit('open', 1, ada)).toMatchObject({ allowed: true, degraded: 'allow' });
    await until(() => lost().length === 8);
    expect(await throttle.debit('local', 12, ada)).toMatchObject({ allowed: true, degraded: 'local' });
    expect(await throttle.consume('local', 1, ada)).toMatchObject({ allowed: false });
    await until(() => events.some(({ type }) => type === 'denied'));
    expect(lost()).toEqual(Array.from({ length: 8 }, () => 'debit'));
    expect(events.flatMap((event) => (event.type === 'denied' ? event.outcome.degraded : []))).toEqual(['local']);
  });

  it('the log has the effect of the first loss, and at the end the number of losses', async () => {
    const warnings: string[] = [];
    const { app, throttle } = await start(warnings);
    await using _ = app;
    await server.kill();
    for (let i = 0; i < 6; i++) await throttle.consume('local', 1, ada);
    for (const method of ['credit', 'credit', 'debit'] as const) await throttle[method]('open', 1, ada);
    await throttle.reset('local', ada);
    expect(warnings.filter((text) => / was lost/.test(text))).toEqual([
      'A credit was lost, because the backend is unavailable (UNAVAILABLE): its units are not given back there. Further losses are counted.',
    ]);
    await server.start();
    await until(async () => {
      await throttle.consume('local', 1, ada);
      return warnings.some((text) => text.endsWith(' Lost meanwhile: 2 credits, 1 debit, 1 reset.'));
    });
  });
});
