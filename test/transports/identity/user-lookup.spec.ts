import { describe, expect, it } from '@jest/globals';
import { type By, by, type Call } from '../../../src/index.js';
import { findUserId, findWithSearch, isUserBy } from '../../../src/transports/identity/user-lookup.js';
import { memberAt } from '../../../src/transports/member.js';

const call = (members: Partial<Call>): Call => ({ type: 'http', context: {}, ...members });
const request = (user: unknown) => ({ headers: {}, user });

describe('findUserId', () => {
  it('reads the member at the path', () => {
    expect(findUserId(call({ request: request({ id: 42 }) }), ['user', 'id'])).toBe('42');
    expect(findUserId(call({ request: request({ account: { key: 'a' } }) }), ['user', 'account', 'key'])).toBe('a');
  });

  it('returns null if a member of the path is missing or empty', () => {
    for (const user of [undefined, null, {}, { id: null }, { id: '' }]) {
      expect(findUserId(call({ request: request(user) }), ['user', 'id'])).toBeNull();
    }
    expect(findUserId(call({}), ['user', 'id'])).toBeNull();
  });

  it('prefers the client to its data, and its data to the upgrade request', () => {
    const upgrade = request({ id: 'from request' });
    const data = { user: { id: 'from data' } };
    const path = ['user', 'id'];
    expect(findUserId(call({ client: { user: { id: 'from client' }, data }, request: upgrade }), path)).toBe(
      'from client',
    );
    expect(findUserId(call({ client: { data }, request: upgrade }), path)).toBe('from data');
    expect(findUserId(call({ client: {}, request: upgrade }), path)).toBe('from request');
  });

  it('throws for an id that several users would share', () => {
    expect(() => findUserId(call({ request: request({ id: {} }) }), ['user', 'id'])).toThrow(
      new TypeError("by.user('user.id'): expected a string or a whole number, got an object with no members"),
    );
  });
});

describe('a search for a user', () => {
  const anonymous = call({ request: { headers: { 'x-api-key': 'k' } }, address: '192.0.2.1' });
  const known = call({ request: request({ id: 7 }), address: '192.0.2.1' });
  const searched = async (find: By, of: Call) => {
    const search = { isUserMissing: false };
    const found = await findWithSearch(find, of, search);
    return [found, search.isUserMissing];
  };

  it('records that by.user() found no user, within first and each too, even if another subject was found', async () => {
    expect(await searched(by.user(), anonymous)).toEqual([null, true]);
    expect(await searched(by.first(by.user(), by.header('x-api-key')), anonymous)).toEqual([
      'header:x-api-key:#8254c329a92850f6d539dd376f4816ee',
      true,
    ]);
    expect(await searched(by.each(by.user(), by.ip()), anonymous)).toEqual([
      'each:12:ip:192.0.2.112:ip:192.0.2.1',
      true,
    ]);
    expect(
      await searched(
        by.first(async () => null, by.each(by.first(by.user())), by.ip()),
        anonymous,
      ),
    ).toEqual(['each:12:ip:192.0.2.1', true]);
  });

  it('records nothing if there is a user, or if none was looked for', async () => {
    expect(await searched(by.user(), known)).toEqual(['user:7', false]);
    expect(await searched(by.first(by.user('account'), by.user()), known)).toEqual(['user:7', false]);
    expect(await searched(by.each(by.first(by.user('account'), by.user()), by.user()), known)).toEqual([
      'each:6:user:76:user:7',
      false,
    ]);
    expect(await searched(by.each(by.user('account'), by.user()), known)).toEqual([
      'each:12:ip:192.0.2.16:user:7',
      true,
    ]);
    expect(await searched(by.first(by.header('x-api-key'), by.user()), anonymous)).toEqual([
      'header:x-api-key:#8254c329a92850f6d539dd376f4816ee',
      false,
    ]);
    expect(await searched(by.ip(), anonymous)).toEqual(['ip:192.0.2.1', false]);
    expect(await searched(() => null, anonymous)).toEqual([null, false]);
  });

  it('is for a `by` that looks for a user', () => {
    expect([by.user(), by.first(by.ip(), by.each(by.user())), by.each(by.user())].map(isUserBy)).toEqual([
      true,
      true,
      true,
    ]);
    expect([by.ip(), by.first(by.ip()), by.each(by.ip()), () => 'anybody'].map(isUserBy)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('passes nothing but the call to a function of the user', async () => {
    const seen: unknown[][] = [];
    const own = (...args: unknown[]) => {
      seen.push(args);
      return null;
    };
    await searched(by.first(own, by.user()), anonymous);
    expect(seen).toEqual([[anonymous]]);
  });
});

describe('memberAt', () => {
  it('reads members of primitive values', () => {
    expect(memberAt('abc', ['length'])).toBe(3);
  });

  it('is undefined past a missing member', () => {
    expect(memberAt({ a: null }, ['a', 'b'])).toBeUndefined();
    expect(memberAt(undefined, ['a'])).toBeUndefined();
  });

  it('returns the value itself for an empty path', () => {
    expect(memberAt(1, [])).toBe(1);
  });
});
