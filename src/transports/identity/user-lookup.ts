import { describeValue } from '../../core/errors.js';
import type { By, Call } from '../call.js';
import { type MemberPath, memberAt } from './member-path.js';

const userPaths = new WeakMap<By, readonly MemberPath[]>();

/** Notes the paths at which a `By` looks for a user; returns the `By`. */
export function withUserPaths(find: By, paths: readonly MemberPath[]): By {
  userPaths.set(find, paths);
  return find;
}

/** Returns the paths at which a `By` looks for a user in a request. */
export function userPathsOf(find: By): readonly MemberPath[] {
  return userPaths.get(find) ?? [];
}

/**
 * Returns the id of the user at a path such as `user.id`, or null if there is none. On sockets the client is searched
 * first, then its `data`, then the upgrade request.
 *
 * @throws TypeError if the member is neither a string, a whole number nor an object with a `toString` of its own
 */
export function findUserId({ request, client }: Call, path: MemberPath): string | null {
  for (const holder of [client, memberAt(client, ['data']), request]) {
    const id = idAt(holder, path);
    if (id !== null) return id;
  }
  return null;
}

function idAt(holder: unknown, path: MemberPath): string | null {
  const value = memberAt(holder, path);
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'string' || typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  // An ObjectId has a toString of its own. A plain object has none, so all users would be "[object Object]", and an
  // empty array is an empty string.
  const hasOwnText = typeof value === 'object' && value.toString !== Object.prototype.toString;
  if (hasOwnText && !Array.isArray(value)) return String(value) || null;
  throw new TypeError(`by.user('${path.join('.')}'): expected a text or a whole number, got ${describeValue(value)}`);
}
