import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BackendError } from '../../../../src/backends/backend-error.js';
import { CircuitBreaker } from '../../../../src/backends/resilience/circuit-breaker.js';
import { systemClock } from '../../../../src/core/clock.js';

const DOWN = new BackendError('CONNECTION', 'down');

function opened() {
  const told: string[] = [];
  const breaker = new CircuitBreaker((event) => told.push(event.type === 'degraded' ? event.code : event.type));
  const fail = (times: number, outages = breaker.epoch) => {
    for (let i = 0; i < times; i++) breaker.failed(DOWN, outages);
  };
  return { breaker, told, fail };
}

describe('a breaker', () => {
  let now = 0;

  beforeEach(() => {
    now = 5000;
    jest.spyOn(systemClock, 'now').mockImplementation(() => now);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('opens after five failures in a row, and tells of it once', () => {
    const { breaker, told, fail } = opened();
    fail(4);
    breaker.succeeded();
    fail(4);
    breaker.failed(new BackendError('GARBAGE', 'found'), 0);
    expect([breaker.isOpen, breaker.retryAfterMs, told]).toEqual([false, 0, []]);
    fail(20);
    expect([breaker.isOpen, told]).toEqual([true, ['CONNECTION']]);
    expect(breaker.retryAfterMs).toBe(1000);
  });

  it('probes one at a time, a second after the failure before, and is closed by a probe alone', async () => {
    const { breaker, told, fail } = opened();
    fail(5);
    let probes = 0;
    const probe = (answer: Promise<unknown>) => {
      breaker.tryProbe(() => {
        probes += 1;
        return answer;
      });
    };
    now += 999;
    probe(Promise.resolve());
    breaker.succeeded();
    expect([probes, breaker.isOpen]).toEqual([0, true]);
    expect(breaker.retryAfterMs).toBe(1);

    now += 1;
    let settle = (_: unknown) => {};
    probe(new Promise((_, reject) => (settle = reject)));
    probe(Promise.resolve());
    expect(probes).toBe(1);
    settle(DOWN);
    await new Promise(setImmediate);
    expect([breaker.isOpen, breaker.retryAfterMs, told]).toEqual([true, 1000, ['CONNECTION']]);
  });

  it.each([
    ['answers', () => Promise.resolve()],
    ['finds garbage, which is an answer too', () => Promise.reject(new BackendError('GARBAGE', 'found'))],
  ])('closes when a probe %s, and calls from before say nothing any more', async (_, ask) => {
    const { breaker, told, fail } = opened();
    const before = breaker.epoch;
    fail(5);
    now += 1000;
    breaker.tryProbe(ask);
    await new Promise(setImmediate);
    expect([breaker.isOpen, breaker.retryAfterMs, told]).toEqual([false, 0, ['CONNECTION', 'recovered']]);
    fail(20, before);
    expect([breaker.isOpen, told.length]).toEqual([false, 2]);
    fail(5);
    expect([breaker.isOpen, told]).toEqual([true, ['CONNECTION', 'recovered', 'CONNECTION']]);
  });
});
