import { describe, expect, it } from '@jest/globals';
import { frozen } from '../../../support/redis/fault-scenarios.js';
import { answersOf, failureOf, GRACE_MS, SECRET, TIMEOUT_MS, textOf } from '../../../support/redis/faults.js';

describe('a server that stands still for five seconds under 50 callers', () => {
  it('is answered for in time, is told of once, and charges nothing that it did not answer', async () => {
    const figures = await frozen(5000, async (client) => {
      const { answers, expected, slowestMs } = await answersOf(client);
      expect(answers).toEqual(expected);
      expect(slowestMs).toBeLessThan(TIMEOUT_MS + GRACE_MS);
      const { error, code } = await failureOf(client);
      expect(code).toBe('TIMEOUT');
      expect(textOf(error)).not.toContain(SECRET);
    });
    expect(figures.worstOverDeadlineMs).toBeLessThan(GRACE_MS);
    expect(figures.p99OpenMs).toBeLessThan(TIMEOUT_MS / 2);
    expect(figures.deferred).toBe(0);
    expect(figures.whileOpen).toBeGreaterThan(1000);
    expect(figures.events).toEqual(['degraded', 'recovered']);
    expect(figures.answered).toBeGreaterThan(100);
    expect(figures.charged).toBe(figures.answered);
  });
});
