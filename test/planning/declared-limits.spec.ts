import { describe, expect, it } from '@jest/globals';
import { SkipThrottle, Throttle, ThrottleConfigError } from '../../src/index.js';
import { declarationsOf } from '../../src/planning/declared-limits.js';

@Throttle({ connections: '10/min' })
@Throttle('50/min', 2)
class Base {
  @Throttle('search', { cost: 3 }) find() {}

  list() {}
}

@SkipThrottle('burst', 'search')
class Reports extends Base {
  @Throttle('10/s') @Throttle([{ rate: '5/min' }, { rate: '9/h', name: 'hourly' }]) override list() {}

  @SkipThrottle() none() {}
}

describe('declarationsOf', () => {
  it('reads the classes of a chain, farthest first', () => {
    expect(declarationsOf(Reports)).toEqual([
      {
        label: 'on Base',
        limits: [{ options: { rate: '50/min', cost: 2 }, level: 'class', place: '@Throttle on Base' }],
        connections: '10/min',
        skipsAll: false,
        skips: [],
      },
      { label: 'on Reports', limits: [], connections: undefined, skipsAll: false, skips: ['burst', 'search'] },
    ]);
  });

  it('reads a method last, from the class that defines it', () => {
    const [, , found] = declarationsOf(Reports, 'find');
    expect(found).toEqual({
      label: 'on Reports.find',
      limits: [{ policy: 'search', use: { cost: 3 }, level: 'method', place: '@Throttle("search") on Reports.find' }],
      connections: undefined,
      skipsAll: false,
      skips: [],
    });
    expect(declarationsOf(Reports, 'list')[2]?.limits).toHaveLength(3);
    expect(declarationsOf(Base, 'list')[1]?.limits).toEqual([]);
  });

  it('keeps the reading order, and marks unnamed limits if there are several', () => {
    const place = '@Throttle on Reports.list';
    expect(declarationsOf(Reports, 'list')[2]?.limits).toEqual([
      { options: { rate: '10/s' }, level: 'method', place, byPeriod: true },
      { options: { rate: '5/min' }, level: 'method', place, byPeriod: true },
      { options: { rate: '9/h', name: 'hourly' }, level: 'method', place },
    ]);
  });

  it('distinguishes a skip of everything from a skip of nothing', () => {
    expect(declarationsOf(Reports, 'none')[2]).toMatchObject({ skipsAll: true, skips: [] });
    expect(declarationsOf(Reports, 'find')[2]).toMatchObject({ skipsAll: false, skips: [] });
  });

  it('needs no policies: a name is looked up later', () => {
    class Unknown {
      @Throttle('no-such-policy') list() {}
    }
    expect(declarationsOf(Unknown, 'list')[1]?.limits).toHaveLength(1);
  });

  it.each([
    ['beside a limit of calls', [{ connections: '1/s', rate: '5/min' }], [{ rate: '5/min' }]],
    ['in an array', [[{ connections: '1/s' }, '5/min']], [{ rate: '5/min' }]],
    ['in the second argument', ['5/min', { connections: '1/s', cost: 2 }], [{ rate: '5/min', cost: 2 }]],
    ['alone', [{ connections: '1/s' }], []],
  ])('separates a limit of connections: %s', (_, args, options) => {
    @Throttle(...(args as Parameters<typeof Throttle>))
    class Gateway {}
    const [declaration] = declarationsOf(Gateway);
    expect(declaration?.connections).toBe('1/s');
    expect(declaration?.limits.map((limit) => ('options' in limit ? limit.options : limit))).toEqual(options);
  });

  it('reports options that belong to no limit', () => {
    @Throttle({ connections: '1/s' }, { cost: 2 })
    class Gateway {}
    expect(() => declarationsOf(Gateway)).toThrow(
      new ThrottleConfigError(
        'SLUICE_MISSING_VALUE',
        '@Throttle on Gateway, rate: expected a rate such as "5/min", got none',
      ),
    );
  });
});
