import { describe, expect, it } from '@jest/globals';
import { sentinelMasterFrozen } from '../../../support/redis/fault-sentinel.js';

describe('a Sentinel trio whose master freezes', () => {
  it('accepts charges again soon after, and has exactly those with a reply', async () => {
    const { writingAgainMs, downAfterMs, answered, charged, events } = await sentinelMasterFrozen();
    expect(writingAgainMs).toBeGreaterThan(downAfterMs);
    expect(writingAgainMs).toBeLessThan(downAfterMs + 60_000);
    expect(answered).toBeGreaterThan(0);
    expect(charged).toBe(answered);
    expect(events).toEqual(['degraded', 'recovered']);
  });
});
