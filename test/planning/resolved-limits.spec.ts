import { describe, expect, it } from '@jest/globals';
import { by, SkipThrottle, Throttle } from '../../src/index.js';
import type { Class } from '../../src/planning/class-members.js';
import { declarationsOf, nameOf } from '../../src/planning/declared-limits.js';
import { PolicyRegistry } from '../../src/planning/policy-registry.js';
import { resolveLimits } from '../../src/planning/resolved-limits.js';
import { BUILT_IN_STRATEGIES } from '../../src/strategies/built-in-strategies.js';

const registry = new PolicyRegistry(
  { search: { rate: '30/min', cost: 2, context: { a: 1, b: 1 } }, login: '5/min' },
  ['1000/min', { rate: '9/s', name: 'burst' }],
  BUILT_IN_STRATEGIES,
);

/** The limits that apply to a handler, as `level name rate`. */
function applicable(type: Class, method: string): readonly string[] {
  const { applicable: limits } = resolveLimits(declarationsOf(type, method), registry);
  return [...limits].map((limit) => `${limit.level} ${nameOf(limit)} ${limit.options.rate}`);
}

class Plain {
  list() {}

  @Throttle('7/min') unnamed() {}

  @Throttle({ rate: '3/s', name: 'burst' }) named() {}

  @SkipThrottle() none() {}

  @SkipThrottle('burst') withoutBurst() {}
}

@Throttle(['50/min', 'search'])
class Base {
  list() {}
}

@SkipThrottle('default')
@Throttle({ rate: '2/s', name: 'search-burst' })
class Derived extends Base {
  @Throttle('7/min') unnamed() {}

  @Throttle('search', { by: by.all(), context: { b: 2 } }) search() {}

  @SkipThrottle() none() {}
}

@SkipThrottle()
class Exempt extends Base {
  @Throttle('7/min') limited() {}
}

describe('resolveLimits', () => {
  it.each<readonly [Class, string, readonly string[]]>([
    [Plain, 'list', ['module default 1000/min', 'module burst 9/s']],
    [Plain, 'unnamed', ['module burst 9/s', 'method default 7/min']],
    [Plain, 'named', ['module default 1000/min', 'method burst 3/s']],
    [Plain, 'withoutBurst', ['module default 1000/min']],
    [Plain, 'none', []],
    [Base, 'list', ['module burst 9/s', 'class default 50/min', 'class search 30/min']],
    [Derived, 'list', ['module burst 9/s', 'class search 30/min', 'class search-burst 2/s']],
    [Derived, 'unnamed', ['module burst 9/s', 'class search 30/min', 'class search-burst 2/s', 'method default 7/min']],
    [Derived, 'search', ['module burst 9/s', 'class search-burst 2/s', 'method search 30/min']],
    [Derived, 'none', []],
    [Exempt, 'list', []],
    [Exempt, 'limited', ['method default 7/min']],
  ])('applies the nearest declaration of a name: %p.%s', (type, method, expected) => {
    expect(applicable(type, method)).toEqual(expected);
  });

  it('merges the options of a reference into those of the policy', () => {
    const [limit] = resolveLimits(declarationsOf(Derived, 'search'), registry).declared.at(-1) ?? [];
    expect(limit).toEqual({
      options: {
        scope: 'app',
        rate: '30/min',
        name: 'search',
        cost: 2,
        by: expect.any(Function),
        context: { a: 1, b: 2 },
      },
      level: 'method',
      place: '@Throttle("search") on Derived.search',
      runtime: registry.runtime('search'),
    });
  });

  it('keeps replaced limits, one array per declaration', () => {
    const { declared } = resolveLimits(declarationsOf(Exempt, 'limited'), registry);
    expect(declared.map((limits) => limits.map(nameOf))).toEqual([
      ['default', 'burst'],
      ['default', 'search'],
      [],
      ['default'],
    ]);
  });

  it.each<readonly [string, Class]>([
    ['@SkipThrottle("serach") on Skips: no policy has this name. Did you mean "search"?', class Skips {}],
    ['@SkipThrottle("serach") on Late: no policy has this name. Did you mean "search"?', class Late extends Base {}],
  ])('reports a skipped name that no outer declaration has: %s', (message, type) => {
    SkipThrottle('serach')(type);
    expect(() => resolveLimits(declarationsOf(type), registry)).toThrow(message);
  });
});
