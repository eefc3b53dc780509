import { expect, it } from '@jest/globals';
import { partitionParameter } from '../../../src/transports/http/partition-key.js';
import { collectGarbage } from '../../support/collect-garbage.js';

it('partition keys are the same for each call, and those of long subjects are not cached', () => {
  const subject = (i: number) => Buffer.alloc(100_000, `${i} `).toString('latin1');
  const keys = new Set<string>();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 1000; i++) keys.add(partitionParameter(subject(i)));
  collectGarbage();
  // All of them would be 100 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(30_000_000);
  expect(keys.size).toBe(1000);
  expect(partitionParameter(subject(7))).toBe(partitionParameter(subject(7)));
});
