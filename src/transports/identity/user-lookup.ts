import { sharedState } from '../../core/copies.js';
import { describeValue } from '../../core/errors.js';
import type { By, Call } from '../call.js';
import { type MemberPath, memberAt } from './member-path.js';

/** Notes whether a `By` looked for a user and found none. What it returned is preliminary then: a later guard may set the user. */
export interface UserSearch {
  isUserMissing: boolean;
}

/** A `By` that looks for a user, and notes in a search that there is none. */
export type UserBy = (call: Call, search?: UserSearch) => ReturnType<By>;

const userBys = sharedState('user-bys', () => new WeakMap<By, UserBy>());

/** Returns a `By` that is known as one that looks for a user. As any other `By` it takes the call alone. */
export function markUserBy(find: UserBy): By {
  const by: By = (call) => find(call);
  userBys.set(by, find);
  return by;
}

/** Returns true for `by.user()`, and for `by.first()` and `by.each()` with one. */
export function isUserBy(find: By): boolean {
  return userBys.has(find);
}

/** Calls a `By` with a search; one that looks for no user leaves the search as it is. */
export function findWithSearch(find: By, call: Call, search: UserSearch | undefined): ReturnType<By> {
  const userBy = search === undefined ? undefined : userBys.get(find);
  return userBy === undefined ? find(call) : userBy(call, search);
}

/**
 * Returns the id of the user at a path such as `user.id`, or null if there is none. On sockets the client is searched
 * first, then its `data`, then the upgrade request.
 *
 * @throws TypeError if the member is neither a string, a whole number nor an object with a `toString` of its own
 */
export function findUserId({ request, client }: Call, path: MemberPath): string | null {
  for (const holder of [client, memberAt(client, ['data']), request]) {
    const value = memberAt(holder, path);
    const id = userIdOf(value);
    if (id === undefined) {
      throw new TypeError(
        `by.user('${path.join('.')}'): expected a text or a whole number, got ${describeValue(value)}`,
      );
    }
    if (id !== null) return id;
  }
  return null;
}

/** Returns the id of a user as a string; null for none (null, undefined and `''`); undefined for a value that is no id. */
export function userIdOf(value: unknown): string | null | undefined {
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'string' || typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  // An ObjectId has a toString of its own. A plain object has none, so all users would be "[object Object]", and an
  // empty array is an empty string.
  const hasOwnText = typeof value === 'object' && value.toString !== Object.prototype.toString;
  return hasOwnText && !Array.isArray(value) ? String(value) || null : undefined;
}
