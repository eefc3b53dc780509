import { sharedState } from '../../core/copies.js';
import { describeValue } from '../../core/errors.js';
import type { By, Call } from '../call.js';
import { type MemberPath, memberAt } from '../member.js';

/**
 * Records whether a `By` looked for a user and found none. Then its result is preliminary: a later guard may set the
 * user.
 */
export interface UserSearch {
  isUserMissing: boolean;
}

/** A `By` that looks for a user, and records in a search if there is none. */
export type UserBy = (call: Call, search?: UserSearch) => ReturnType<By>;

const userBys = sharedState('user-bys', () => new WeakMap<By, UserBy>());

/** Returns a `By` that is marked as one that looks for a user. Like any other `By` it takes only the call. */
export function markUserBy(find: UserBy): By {
  const by: By = (call) => find(call);
  userBys.set(by, find);
  return by;
}

/** Returns true for `by.user()`, and for `by.first()` and `by.each()` with one. */
export function isUserBy(find: By): boolean {
  return userBys.has(find);
}

/** Calls a `By` with a search. A `By` that looks for no user does not change the search. */
export function findWithSearch(find: By, call: Call, search: UserSearch | undefined): ReturnType<By> {
  const userBy = search === undefined ? undefined : userBys.get(find);
  return userBy === undefined ? find(call) : userBy(call, search);
}

/**
 * Returns the id of the user at a path such as `user.id`, or null if there is none. On sockets the client is searched
 * first, then its `data`, then the upgrade request.
 *
 * @throws TypeError if the member is not a string, a whole number, or an object with its own `toString`
 */
export function findUserId({ request, client }: Call, path: MemberPath): string | null {
  for (const holder of [client, memberAt(client, ['data']), request]) {
    const value = memberAt(holder, path);
    const id = userIdOf(value);
    if (id === undefined) {
      throw new TypeError(
        `by.user('${path.join('.')}'): expected a string or a whole number, got ${describeValue(value)}`,
      );
    }
    if (id !== null) return id;
  }
  return null;
}

/**
 * Returns the id of a user as a string; null if there is none (null, undefined and `''`); undefined for a value that is
 * not an id.
 */
export function userIdOf(value: unknown): string | null | undefined {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'string' || typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  // An ObjectId has its own toString. A plain object does not, so all users would be "[object Object]"; an empty array
  // would be an empty string.
  const hasOwnText = typeof value === 'object' && value.toString !== Object.prototype.toString;
  return hasOwnText && !Array.isArray(value) ? String(value) || null : undefined;
}
