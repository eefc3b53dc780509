import { expect, it } from '@jest/globals';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { ManualClock } from '../../../src/core/clock.js';

it('expired overrides are dropped when others are set, even if they are never read', () => {
  const clock = new ManualClock(0);
  const { settings } = new MemoryBackend({ clock });
  const set = (subject: string) => settings.setOverride({ policy: 'api', subject, rate: 'unlimited', expiresInMs: 10 });
  for (let i = 0; i < 1000; i++) set(`first:${i}`);
  clock.advance(10);
  set('second:0');
  // At an earlier instant those that were kept would be in force again.
  clock.advance(-10);
  expect(settings.getOverride({ policy: 'api', subject: 'first:0' })).toBeUndefined();
  expect(settings.getOverride({ policy: 'api', subject: 'second:0' })).toBeDefined();
});
