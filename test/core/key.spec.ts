import { describe, expect, it } from '@jest/globals';
import { idPart, keyBeginning, keyEnd, keyPart, mapKey, scopedSubject } from '../../src/core/key.js';
import { policyId } from '../../src/core/policy.js';
import { scaled } from '../support/scale.js';

const HASH = /^#[0-9a-f]{32}$/;
const LONG = 'x'.repeat(48);
const MEGABYTE = 'm'.repeat(2 ** 20);

/** Returns a whole Redis key. */
const keyOf = (prefix: string, subject: string, policyId: string) =>
  keyBeginning(prefix) + keyPart(subject) + keyEnd(policyId);

describe('a part of a key', () => {
  it.each(['a', 'ip:203.0.113.7', 'user:42', 'search@app', 'a/b-c_d.e', '2001:db8::/64', LONG])(
    'is %s itself',
    (text) => {
      expect(keyPart(text)).toBe(text);
    },
  );

  it.each(['', `${LONG}x`, 'a b', '{a}', '#a', 'é', 'a\n', 'a%b', 'a*b', '\ud800', '\u0000', MEGABYTE])(
    'is a hash if it is long or not plain',
    (text) => {
      expect(keyPart(text)).toMatch(HASH);
    },
  );

  it('is the first half of the SHA-256 of the UTF-16 text', () => {
    // printf '\x7b\x00\x61\x00\x7d\x00' | sha256sum
    expect(keyPart('{a}')).toBe('#f52ca64fcf023806be12b44854222974');
  });

  it('is different for different lone surrogates, which UTF-8 encodes alike', () => {
    expect(Buffer.from('\ud800')).toEqual(Buffer.from('\ud801'));
    expect(keyPart('\ud800')).not.toBe(keyPart('\ud801'));
  });
});

describe('a key', () => {
  it('has the subject as its hash tag', () => {
    expect(keyOf('sluice', 'ip:203.0.113.7', 'search@app:f1000')).toBe('sluice:{ip:203.0.113.7}:search@app:f1000');
  });

  it('has no other brace, for any subject and id', () => {
    expect(keyOf('sluice', '}:{x', '{y}:f1000')).toMatch(/^sluice:\{#[0-9a-f]{32}\}:#[0-9a-f]{32}:f1000$/);
    expect(keyOf('sluice', 'x', '{y')).toMatch(/^[^{}]*\{x\}[^{}]*$/);
  });
});

describe('the id of a policy in a key', () => {
  it.each([
    ['login@app:f60000', 'login@app:f60000'],
    ['login@class:a:b:w60000/10', 'login@class:a:b:w60000/10'],
    [`${LONG}:f60000`, `${LONG}:f60000`],
  ])('%s is %s', (id, part) => {
    expect(idPart(id)).toBe(part);
  });

  it('has a hash of name and scope if they are long, followed by the readable code of the shape', () => {
    expect(idPart(`${LONG}x:w60000/10`)).toBe(`${keyPart(`${LONG}x`)}:w60000/10`);
    expect(idPart('a@b{c:x-coin-flip-1000')).toBe(`${keyPart('a@b{c')}:x-coin-flip-1000`);
  });

  it('has the address of a handler in readable form', () => {
    expect(idPart('p@handler:GET /reports:f1000')).toBe('p@handler:GET /reports:f1000');
  });
});

describe('a subject in a map', () => {
  it.each(['', 'a', '__proto__', 'constructor', '{a}', '\ud800', 'é', 'x y', LONG])('is %j itself', (subject) => {
    expect(mapKey(subject)).toBe(subject);
  });

  it('is itself if it ends in a hash, so that none is hashed twice', () => {
    const hashed = keyPart('{a}');
    const subject = `header:x-api-key:${hashed}`;
    expect(mapKey(subject)).toBe(subject);
    expect(mapKey(`header:${'x'.repeat(90)}:${hashed}`)).toMatch(HASH);
    expect(mapKey(`${hashed}${hashed}`)).toMatch(HASH);
  });

  it.each(['#', '#a', `${LONG}x`, MEGABYTE])('is a hash when it is long or looks like one', (subject) => {
    expect(mapKey(subject)).toMatch(HASH);
  });
});

describe("a call's own scope", () => {
  it('is added to the subject', () => {
    expect(scopedSubject('blue', 'user:42')).toBe('scope:4:blue:user:42');
    expect(scopedSubject(undefined, 'user:42')).toBe('user:42');
    expect(scopedSubject('', 'user:42')).toBe('scope:0::user:42');
    expect(scopedSubject(undefined, 'scope:4:blue:user:42')).toBe('scope::scope:4:blue:user:42');
  });
});

const WORDS =
  'a a:b a: :a b : :: a:b:c b:c { } {} {a} }{ a}:{b a}:b A 0 00 -0 NaN null undefined # ## #a @ @app app a@b % %40 %25 %2540 ' +
  'a%40b __proto__ constructor toString hasOwnProperty prototype scope scope: scope:: scope::a scope:1:a scope:1:a:b ' +
  'scope:3:a:b:a scope:0:: scope::scope:1:a:b 1:a 1:a:b 3:a:b 0:: 0::a';
const ODD = ['', ' ', '  ', 'a ', ' a', '\n', 'é', 'e\u0301', '\u0000', '\u0000\u0000', '\ufffd'];
const SURROGATES = ['\ud800', '\ud801', '\udc00', '\ud800\udc00', '\ud800a'];
const LENGTHS = [LONG, `${LONG}x`, `${LONG}y`, `y${LONG}`, 'x'.repeat(47), 'x'.repeat(1000), 'x'.repeat(1001)];

/** Strings that are easily confused, and `more` plain ones. */
function adversarial(more: number): string[] {
  const hard = [...WORDS.split(' '), ...ODD, ...SURROGATES, ...LENGTHS];
  const hashes = hard.flatMap((text) => [keyPart(text), keyPart(text).slice(1), mapKey(text)]);
  const plain = Array.from({ length: more }, (_, i) => (i % 2 === 0 ? `user:${i}` : `user ${i}${'é'.repeat(i % 60)}`));
  return [...new Set([...hard, ...hashes, ...plain])];
}

interface Tuple {
  readonly id: string;
  readonly subject: string;
}

/** Every combination, each once: where two give one key, two budgets are one. */
function* tuples(
  names: readonly string[],
  scopes: readonly string[],
  calls: readonly (string | undefined)[],
  subjects: readonly string[],
): Generator<Tuple> {
  const ids = names.flatMap((name) => scopes.flatMap((scope) => shapes.map((shape) => policyId(name, scope, shape))));
  for (const call of calls) {
    for (const subject of subjects) {
      const scoped = scopedSubject(call, subject);
      for (const id of ids) yield { id, subject: scoped };
    }
  }
}

const CALLS = scaled(150_000, 1_000_000);
const names = ['a', 'a-b', 'search', 'scope', `n${'x'.repeat(63)}`];
const scopes = ['app', 'app:f1000', '', 'a', 'a@b', 'a%40b', '@', 'x'.repeat(60), '\ud800', '\ud801', '#a'];
/** The longest of a built-in strategy is the last. */
const shapes = ['f1000', 'w1000/10', 'w1125899906842624/1000'].slice(-scaled(1, 3));
const inCalls = 'a a:b a: : :: b # {a} __proto__ scope scope: scope:: scope:1:a 1 1:a 3:a:b 0 0:'.split(' ');
const calls = [undefined, ...inCalls, '', ' ', '\ud800', '\ud801', LONG, keyPart('{a}')];

describe(`${CALLS} calls and more, no two alike`, () => {
  const all = () => tuples(names, scopes, calls, adversarial(scaled(8, 120)));

  it.each<readonly [what: string, keyOfTuple: (tuple: Tuple) => string]>([
    ['keyOf', ({ id, subject }) => keyOf('sluice', subject, id)],
    ['the id and mapKey', ({ id, subject }) => `${id} ${mapKey(subject)}`],
  ])('have different keys, by %s', (_what, key) => {
    const seen = new Set<string>();
    let count = 0;
    for (const tuple of all()) {
      seen.add(key(tuple));
      count++;
    }
    expect(count).toBeGreaterThanOrEqual(CALLS);
    expect(seen.size).toBe(count);
  });

  it('have keys of at most 136 bytes, all of them printable ASCII', () => {
    const wrong: string[] = [];
    for (const { id, subject } of tuples(names, scopes, calls, adversarial(50))) {
      const key = keyOf('sluice', subject, id);
      if (key.length > 136 || !/^[!-~]+$/.test(key)) wrong.push(key);
    }
    expect(wrong).toEqual([]);
  });

  it('have different keys even if a megabyte differs only in its last letter', () => {
    const huge = [MEGABYTE, `${MEGABYTE}a`, `${MEGABYTE}b`, `${MEGABYTE.slice(1)}a`];
    const few = [...tuples(['a'], ['app'], [undefined, 'a', MEGABYTE], huge)];
    expect(new Set(few.map(({ id, subject }) => keyOf('sluice', subject, id))).size).toBe(12 * shapes.length);
    expect(new Set(few.map(({ subject }) => mapKey(subject))).size).toBe(12);
  });
});
