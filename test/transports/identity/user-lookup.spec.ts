import { describe, expect, it } from '@jest/globals';
import { by, type Call } from '../../../src/index.js';
import { memberAt } from '../../../src/transports/identity/member-path.js';
import { findUserId, userPathsOf } from '../../../src/transports/identity/user-lookup.js';

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
      new TypeError("by.user('user.id'): expected a text or a whole number, got an object with no members"),
    );
  });
});

describe('userPathsOf', () => {
  it('lists the paths of by.user(), within first and each too', () => {
    expect(userPathsOf(by.user())).toEqual([['user', 'id']]);
    expect(userPathsOf(by.first(by.ip(), by.each(by.user('account.id'), by.user())))).toEqual([
      ['account', 'id'],
      ['user', 'id'],
    ]);
  });

  it('is empty for a limit that is not by user', () => {
    expect(userPathsOf(by.ip())).toEqual([]);
    expect(userPathsOf(() => 'anybody')).toEqual([]);
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
