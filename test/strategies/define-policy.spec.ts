import { describe, expect, it } from '@jest/globals';
import { policyId } from '../../src/core/policy.js';
import { definePolicies, definePolicy, type PolicySpec } from '../../src/strategies/define-policy.js';
import { thrownProblem } from '../support/config-error.js';

/** As written in JavaScript, where no type keeps a wrong option out. */
const define = (name: unknown, spec: unknown) => Reflect.apply(definePolicy, undefined, [name, spec]);

describe('a policy', () => {
  it('can be defined by a rate alone', () => {
    expect(definePolicy('search', '30/min')).toEqual({
      name: 'search',
      id: 'search@app:w60000/10',
      strategy: 'sliding-window',
      limit: 30,
      periodMs: 60_000,
      burst: 30,
      segments: 10,
    });
  });

  it('can be defined by options', () => {
    const spec: PolicySpec = { rate: '1000/min', strategy: 'token-bucket', burst: 2000, scope: 'reports' };
    expect(definePolicy('upload', spec)).toEqual({
      name: 'upload',
      id: 'upload@reports:t60000',
      strategy: 'token-bucket',
      limit: 1000,
      periodMs: 60_000,
      burst: 2000,
      segments: 1,
    });
  });

  it.each(['local', 'allow', 'deny'] as const)('may have a failure mode: %s', (onError) => {
    const { onError: answer, id } = definePolicy('search', { rate: '30/min', onError });
    expect({ answer, id }).toEqual({ answer: onError, id: 'search@app:w60000/10' });
    expect(definePolicy('search', '30/min')).not.toHaveProperty('onError');
  });

  it('is frozen', () => {
    const policy = definePolicy('search', '30/min');
    expect(Object.isFrozen(policy)).toBe(true);
    expect(() => Object.assign(policy, { limit: 1_000_000 })).toThrow(TypeError);
    expect(policy.limit).toBe(30);
  });

  it.each([
    ['token-bucket', 7],
    ['leaky-bucket', 7],
    ['gcra', 1],
    ['fixed-window', 7],
    ['sliding-window', 7],
    ['sliding-log', 7],
  ])('of strategy %s has by default a burst of %i, at 7/min', (strategy, burst) => {
    expect(definePolicy('x', { rate: '7/min', strategy }).burst).toBe(burst);
  });

  it.each([
    ['1/ms', 1],
    ['1/7ms', 7],
    ['1/9ms', 9],
    ['1/10ms', 10],
    ['1/11ms', 1],
    ['1/12ms', 6],
    ['1/s', 10],
    ['1/1001ms', 7],
    ['1/997ms', 1],
    ['1/128ms', 8],
    ['1/min', 10],
    ['1/week', 10],
  ])('of rate %s has %i segments, the largest divisor of the period up to 10', (rate, segments) => {
    expect(definePolicy('x', rate).segments).toBe(segments);
  });

  it.each(['fixed-window', 'sliding-log', 'token-bucket', 'gcra', 'leaky-bucket'])(
    'of %s has one segment',
    (strategy) => {
      expect(definePolicy('x', { rate: '7/min', strategy }).segments).toBe(1);
    },
  );

  it('accepts any number of segments that divides the period', () => {
    for (const segments of [1, 3, 60, 1000]) {
      expect(definePolicy('x', { rate: '7/min', segments }).segments).toBe(segments);
    }
  });

  it('has strategy, period and segments in its id, but not limit and burst', () => {
    const base: PolicySpec = { rate: '7/min', strategy: 'token-bucket', burst: 5 };
    const { id } = definePolicy('x', base);
    for (const more of [{ burst: 6 }, { rate: '8/min' }, { rate: '7/60s' }]) {
      expect(definePolicy('x', { ...base, ...more })).toMatchObject({ id });
    }
    const others = [
      { ...base, rate: '7/61s' },
      { ...base, strategy: 'gcra' },
      { ...base, strategy: 'leaky-bucket' },
      { rate: '7/min' },
      { rate: '7/min', segments: 5 },
      { rate: '7/min', strategy: 'fixed-window' },
      { rate: '7/min', strategy: 'sliding-log' },
    ];
    const ids = [id, ...others.map((spec) => definePolicy('x', spec).id)];
    expect(ids).toEqual([
      'x@app:t60000',
      'x@app:t61000',
      'x@app:g60000',
      'x@app:b60000',
      'x@app:w60000/10',
      'x@app:w60000/5',
      'x@app:f60000',
      'x@app:l60000',
    ]);
  });

  it.each(['a', 'A', 'search', 'a.b_c-9', 'x'.repeat(64), 'unlimitedX', 'default'])('may be named %s', (name) => {
    expect(definePolicy(name, '1/s').name).toBe(name);
  });
});

describe('the id of a policy', () => {
  it('joins name, scope and shape', () => {
    expect(policyId('search', 'app', 'f1000')).toBe('search@app:f1000');
    expect(policyId('search', 'a@b%c', 'f1000')).toBe('search@a%40b%25c:f1000');
  });

  it('differs for every other name or scope', () => {
    const names = ['a', 'b', 'a-b', 'a.b', 'A'];
    const scopes = [
      '',
      'a',
      'b',
      '@',
      '%',
      '%40',
      '%2540',
      '%25',
      '@@',
      'a@b',
      'a%40b',
      'a%b',
      'b@a',
      'app',
      '\ud800',
      '\ud801',
    ];
    const ids = names.flatMap((name) => scopes.map((scope) => definePolicy(name, { rate: '1/s', scope }).id));
    expect(new Set(ids).size).toBe(names.length * scopes.length);
  });
});

describe('several rates', () => {
  it('become a policy each, named by their period', () => {
    const policies = definePolicies('here', 'default', { rate: '10/s; 200/90s; 1000/2h' });
    expect(policies.map(({ name, limit }) => [name, limit])).toEqual([
      ['default-1s', 10],
      ['default-90s', 200],
      ['default-2h', 1000],
    ]);
  });

  it('are none if nothing is limited', () => {
    expect(definePolicies('here', 'default', { rate: 'unlimited' })).toEqual([]);
  });

  it('may not be two over one period', () => {
    expect(thrownProblem(() => definePolicies('here', 'x', { rate: '10/min; 20/60s' }))).toBe(
      'here.rate: expected each period once (of two rates with the same period, only the lower one could deny a call), got "10/min; 20/60s"',
    );
  });

  it.each([
    ['10/s; 200/hour', 2],
    ['unlimited', 0],
  ])('are too many or too few for one policy: %s', (rate, count) => {
    expect(thrownProblem(() => definePolicy('x', rate))).toBe(
      `policies.x.rate: expected one rate, got ${count}. Define a policy for each.`,
    );
  });
});

describe("a policy's name", () => {
  const expected =
    'definePolicy: expected a name of 1 to 64 letters, digits, "_", "." or "-" that begins with a letter and is not "unlimited"';

  it.each([
    ['', '""'],
    ['5x', '"5x"'],
    ['-x', '"-x"'],
    ['a b', '"a b"'],
    ['a@b', '"a@b"'],
    ['x\n', '"x\n"'],
    ['unlimited', '"unlimited"'],
    ['Unlimited', '"Unlimited"'],
    ['__proto__', '"__proto__"'],
    ['x'.repeat(65), `"${'x'.repeat(65)}"`],
    [undefined, 'undefined'],
    [7, '7 (number)'],
    [['x'], '["x"]'],
  ])('may not be %j', (name, shown) => {
    expect(thrownProblem(() => define(name, '1/s'))).toBe(`${expected}, got ${shown}`);
  });
});
