import { describe, expect, it } from '@jest/globals';
import { BUILT_IN_STRATEGIES } from '../../src/strategies/built-in-strategies.js';
import { shapeCode } from '../../src/strategies/shape-code.js';

describe('the code of a shape', () => {
  it.each([
    ['fixed-window', 60_000, 1, 'f60000'],
    ['sliding-window', 60_000, 10, 'w60000/10'],
    ['sliding-window', 1, 1, 'w1/1'],
    ['sliding-log', 1000, 1, 'l1000'],
    ['token-bucket', 2 ** 50, 1, 't1125899906842624'],
    ['gcra', 1000, 1, 'g1000'],
    ['leaky-bucket', 1000, 1, 'b1000'],
    ['coin-flip', 1000, 1, 'x-coin-flip-1000'],
    ['coin-flip', 1000, 4, 'x-coin-flip-1000/4'],
    ['constructor', 1000, 1, 'x-constructor-1000'],
  ])('of %s over %i ms in %i segments is %s', (strategy, periodMs, segments, code) => {
    expect(shapeCode(strategy, periodMs, segments)).toBe(code);
  });

  it('differs for every other strategy, period or number of segments', () => {
    const names = [...BUILT_IN_STRATEGIES.map(({ name }) => name), 'f', 'f1', 'f-1', 'f-1-1', 'x', 'x-f'];
    const codes = names.flatMap((name) =>
      [1, 11, 111, 1000].flatMap((periodMs) => [1, 2, 11, 1000].map((segments) => shapeCode(name, periodMs, segments))),
    );
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect(code).toMatch(/^[a-z0-9/-]+$/);
  });
});
