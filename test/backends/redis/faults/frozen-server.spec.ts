import { describe, expect, it } from '@jest/globals';
import { frozen } from '../../../support/redis/fault-scenarios.js';
import { answersOf, failureOf, probesFail, SECRET, textOf } from '../../../support/redis/faults.js';
import { scaled } from '../../../support/scale.js';

const PROBES = scaled(1, 3);

describe('a server that is frozen under 50 callers while probes fail', () => {
  it('is replaced by onError in time, is reported once, and charges only calls with a reply', async () => {
    const figures = await frozen(async (client, backend) => {
      const failed = probesFail(PROBES, backend, () => undefined);
      const { answers, expected, late } = await answersOf(client);
      expect(answers).toEqual(expected);
      expect(late).toBe(0);
      const { error, code } = await failureOf(client);
      expect(code).toBe('TIMEOUT');
      expect(textOf(error)).not.toContain(SECRET);
      await failed;
    });
    expect(figures.late).toBe(0);
    // Decided at once, and so without waiting for Redis.
    expect(figures.deferred).toBe(0);
    expect(figures.whileOpen).toBeGreaterThan(1000);
    expect(figures.events).toEqual(['degraded', 'recovered']);
    expect(figures.answered).toBeGreaterThan(100);
    expect(figures.charged).toBe(figures.answered);
  });
});
