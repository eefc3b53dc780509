import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RedisBackend } from '../../../src/backends/redis/redis.backend.js';
import { ManualClock, systemClock } from '../../../src/core/clock.js';
import type { Charge } from '../../../src/core/decision.js';
import { ThrottleConfigError } from '../../../src/core/errors.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { PATIENT_MS } from '../../support/redis/faults.js';
import { ownRedis } from '../../support/redis/private-redis.js';
import { freshPrefix } from '../../support/redis/redis-shared.js';
import { START } from '../../support/start-time.js';

const policy = definePolicy('p', { rate: '2/min', strategy: 'sliding-log' });
const ada: Charge[] = [{ policy, subject: 'ada', cost: 1 }];

describe('denials on Redis', () => {
  const redis = ownRedis();
  let clock: ManualClock;
  let backend: RedisBackend;
  let prefix: string;

  beforeEach(async () => {
    clock = new ManualClock(START);
    prefix = freshPrefix();
    backend = new RedisBackend(redis.client, { clock, prefix, timeoutMs: PATIENT_MS, denyMemoryMs: 1000 });
    for (let i = 0; i < 3; i++) await backend.spend(ada);
    await redis.resetCounts();
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('cost no round trip when the call is repeated', async () => {
    for (let i = 0; i < 1000; i++) expect((await backend.spend(ada)).allowed).toBe(false);
    expect(await redis.calls('evalsha')).toBe(0);
  });

  it('are the same as those of Redis', async () => {
    clock.advance(999);
    expect(await backend.spend(ada)).toEqual(await backend.peek(ada));
    expect(await redis.calls('evalsha')).toBe(1);
    clock.advance(1);
    await backend.spend(ada);
    expect(await redis.calls('evalsha')).toBe(2);
  });

  it('are dropped on reset and on settle', async () => {
    await backend.reset(ada);
    const { allowed, receipt } = await backend.spend(ada);
    expect(allowed).toBe(true);
    await backend.spend(ada);
    expect((await backend.spend(ada)).allowed).toBe(false);
    if (receipt === undefined) throw new Error('Expected a receipt');
    await backend.settle(receipt, [0]);
    expect((await backend.spend(ada)).allowed).toBe(true);
  });

  it('are dropped on a credit', async () => {
    await backend.credit?.([{ policy, subject: 'ada', cost: 1 }]);
    expect((await backend.spend(ada)).binding).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('are cached in this process for the configured time, even if another process resets the budget', async () => {
    const other = new RedisBackend(redis.client, { clock, prefix, timeoutMs: PATIENT_MS });
    await other.reset(ada);
    expect((await backend.spend(ada)).allowed).toBe(false);
    clock.advance(1000);
    expect((await backend.spend(ada)).allowed).toBe(true);
  });

  it('are cached by default, but not if a test passes instants', async () => {
    // A denial is cached for a time on another clock, which does not advance here.
    jest.spyOn(systemClock, 'now').mockReturnValue(systemClock.now());
    const real = new RedisBackend(redis.client, { prefix: freshPrefix(), timeoutMs: PATIENT_MS });
    for (let i = 0; i < 3; i++) await real.spend(ada);
    await redis.resetCounts();
    await real.spend(ada);
    expect(await redis.calls('evalsha')).toBe(0);
    const other = new RedisBackend(redis.client, { clock, prefix, timeoutMs: PATIENT_MS });
    await other.spend(ada);
    const before = await redis.calls('evalsha');
    await other.spend(ada);
    expect((await redis.calls('evalsha')) - before).toBe(1);
  });

  it.each<readonly [object, string]>([
    [
      { denyMemoryMs: -1 },
      'RedisBackend: denyMemoryMs: expected a whole number of milliseconds, at least 0, got -1 (number)',
    ],
    [
      { denyMemoryMs: '1s' },
      'RedisBackend: denyMemoryMs: expected a whole number of milliseconds, at least 0, got "1s"',
    ],
    [{ maxDenials: 0 }, 'RedisBackend: maxDenials: expected a whole number of at least 1, got 0 (number)'],
  ])('have checked options: %j', (options, message) => {
    expect(() => new RedisBackend(redis.client, options)).toThrow(
      new ThrottleConfigError('SLUICE_INVALID_OPTION', message),
    );
  });
});
