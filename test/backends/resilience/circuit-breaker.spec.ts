import { describe, expect, it } from '@jest/globals';
import { BackendError } from '../../../src/backends/backend-error.js';
import type { BackendEvent } from '../../../src/backends/backend-events.js';
import { CircuitBreaker } from '../../../src/backends/resilience/circuit-breaker.js';
import { Emitter } from '../../../src/core/emitter.js';

const DOWN = new BackendError('CONNECTION', 'down');

function opened() {
  const told: string[] = [];
  const events = new Emitter<BackendEvent>();
  events.listen((event) => told.push(event.type === 'degraded' ? event.code : event.type));
  const breaker = new CircuitBreaker(events);
  const fail = (times: number, outages = breaker.epoch) => {
    for (let i = 0; i < times; i++) breaker.failed(DOWN, outages);
  };
  return { breaker, told, fail };
}

describe('a breaker', () => {
  it('opens after five failures in a row, and tells of it once', () => {
    const { breaker, told, fail } = opened();
    fail(4);
    breaker.succeeded();
    fail(4);
    breaker.failed(new BackendError('GARBAGE', 'found'), 0);
    expect([breaker.isOpen, breaker.retryAfterMs, told]).toEqual([false, 0, []]);
    fail(20);
    expect([breaker.isOpen, told]).toEqual([true, ['CONNECTION']]);
    expect(breaker.retryAfterMs).toBeGreaterThan(900);
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
    const dueAt = performance.now() + breaker.retryAfterMs;
    probe(Promise.resolve());
    breaker.succeeded();
    expect([probes, breaker.isOpen]).toEqual([0, true]);
    while (breaker.retryAfterMs > 0) await new Promise(setImmediate);
    expect(performance.now()).toBeGreaterThan(dueAt - 2);

    let settle = (_: unknown) => {};
    probe(new Promise((_, reject) => (settle = reject)));
    probe(Promise.resolve());
    expect(probes).toBe(1);
    settle(DOWN);
    await new Promise(setImmediate);
    expect([breaker.isOpen, breaker.retryAfterMs > 900, told]).toEqual([true, true, ['CONNECTION']]);
  });

  it.each([
    ['answers', () => Promise.resolve()],
    ['finds garbage, which is an answer too', () => Promise.reject(new BackendError('GARBAGE', 'found'))],
  ])('closes when a probe %s, and calls from before say nothing any more', async (_, ask) => {
    const { breaker, told, fail } = opened();
    const before = breaker.epoch;
    fail(5);
    while (breaker.retryAfterMs > 0) await new Promise(setImmediate);
    breaker.tryProbe(ask);
    await new Promise(setImmediate);
    expect([breaker.isOpen, breaker.retryAfterMs, told]).toEqual([false, 0, ['CONNECTION', 'recovered']]);
    fail(20, before);
    expect([breaker.isOpen, told.length]).toEqual([false, 2]);
    fail(5);
    expect([breaker.isOpen, told]).toEqual([true, ['CONNECTION', 'recovered', 'CONNECTION']]);
  });
});
