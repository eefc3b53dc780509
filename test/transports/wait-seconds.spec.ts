import { describe, expect, it } from '@jest/globals';
import { waitSeconds, wholeSeconds } from '../../src/transports/wait-seconds.js';

describe('whole seconds', () => {
  it.each([
    [0, 0],
    [1, 1],
    [1000, 1],
    [1001, 2],
    [59_999, 60],
  ])('rounds %i ms up to %i s', (ms, seconds) => {
    expect(wholeSeconds(ms)).toBe(seconds);
  });
});

describe('the wait that a client receives', () => {
  it('is at least 1 second', () => {
    expect([0, 1, 1000, 1001].map(waitSeconds)).toEqual([1, 1, 1, 2]);
  });
});
