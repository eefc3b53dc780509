import { describe, expect, it } from '@jest/globals';
import { BackendError } from '../../../src/backends/backend-error.js';
import { CircuitBreaker } from '../../../src/backends/resilience/circuit-breaker.js';
import { ManualClock } from '../../../src/core/clock.js';

const DOWN = new BackendError('CONNECTION', 'down');

function newBreaker() {
  const emitted: string[] = [];
  const clock = new ManualClock(5000);
  const first: string[] = [];
  const outage = {
    failed: ({ code }: BackendError) => first.push(code),
    degraded: ({ code }: BackendError) => emitted.push(code),
    recovered: () => emitted.push('recovered'),
  };
  const breaker = new CircuitBreaker(outage, clock);
  const fail = (times: number) => {
    for (let i = 0; i < times; i++) breaker.failed(DOWN);
  };
  return { breaker, clock, emitted, first, fail };
}

describe('a circuit breaker', () => {
  it('opens after five consecutive failures, and reports that once', () => {
    const { breaker, emitted, fail } = newBreaker();
    fail(4);
    breaker.succeeded();
    fail(4);
    for (const reply of ['GARBAGE', 'TRYAGAIN']) breaker.failed(new BackendError(reply, 'a reply'));
    expect([breaker.isOpen, breaker.retryAfterMs, emitted]).toEqual([false, 0, []]);
    fail(20);
    expect([breaker.isOpen, emitted]).toEqual([true, ['CONNECTION']]);
    expect(breaker.retryAfterMs).toBe(1000);
  });

  it('reports the first of consecutive failures, and no reply', () => {
    const { breaker, first, fail } = newBreaker();
    breaker.failed(new BackendError('GARBAGE', 'a reply'));
    expect(first).toEqual([]);
    fail(3);
    breaker.succeeded();
    breaker.failed(new BackendError('OOM', 'full'));
    fail(20);
    expect(first).toEqual(['CONNECTION', 'OOM']);
  });

  it('probes one at a time, a second after the last failure, and is closed only by a probe', async () => {
    const { breaker, clock, emitted, fail } = newBreaker();
    fail(5);
    let probes = 0;
    const probe = (answer: Promise<unknown>) => {
      breaker.tryProbe(() => {
        probes += 1;
        return answer;
      });
    };
    clock.advance(999);
    probe(Promise.resolve());
    breaker.succeeded();
    expect([probes, breaker.isOpen]).toEqual([0, true]);
    expect(breaker.retryAfterMs).toBe(1);

    clock.advance(1);
    let rejectProbe = (_: unknown) => {};
    probe(new Promise((_, reject) => (rejectProbe = reject)));
    probe(Promise.resolve());
    expect(probes).toBe(1);
    rejectProbe(DOWN);
    await new Promise(setImmediate);
    expect([breaker.isOpen, breaker.retryAfterMs, emitted]).toEqual([true, 1000, ['CONNECTION']]);
  });

  it.each([
    ['succeeds', () => Promise.resolve()],
    [
      'fails by an error of code, which is no outage',
      () => Promise.reject(new TypeError('undefined is not a function')),
    ],
    [
      'finds a foreign value, which a working server reports',
      () => Promise.reject(new BackendError('GARBAGE', 'found')),
    ],
  ])('closes for good when a probe %s, and stops counting', async (_, ask) => {
    const { breaker, clock, emitted, fail } = newBreaker();
    fail(5);
    clock.advance(1000);
    breaker.tryProbe(ask);
    await new Promise(setImmediate);
    expect([breaker.isOpen, breaker.retryAfterMs, emitted]).toEqual([false, 0, ['CONNECTION', 'recovered']]);
    fail(20);
    expect([breaker.isOpen, emitted.length]).toEqual([false, 2]);
  });
});
