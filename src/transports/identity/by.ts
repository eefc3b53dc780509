import { type Awaitable, chain, chainAll } from '../../core/awaitable.js';
import { type By, type Call, EXEMPT } from '../call.js';
import { connectionSubject } from './connection-subject.js';
import { canonicalPath } from './request-path.js';
import { addressOf, checkedSubject, type FoundSubject, isNobody, subjectOf } from './subject.js';
import { findUserId, userPathsOf, withUserPaths } from './user-lookup.js';

/**
 * Who is charged. If nobody is found, the caller's address is charged: strangers are not let pass, and do not share one
 * budget.
 *
 * @example
 * @Throttle('1000/min', { by: by.first(by.user(), by.header('x-api-key')) })
 */
export const by = {
  /** The caller's address, under the application's trust-proxy setting. IPv6 addresses are cut to their network. */
  ip(): By {
    return ({ address }) => (address === undefined ? null : subjectOf.ip(address));
  },

  /** The connection, on sockets. On HTTP the address, because a client opens as many connections as it likes. */
  connection(): By {
    return ({ client }) => (client === undefined ? null : connectionSubject(client));
  },

  /**
   * The user, read from a member of the request that authentication sets: a string, a whole number, or an object with a
   * `toString` of its own. On sockets it is read from the client, its `data`, or the upgrade request, the first that
   * has it.
   */
  user(path = 'user.id'): By {
    const members = path.split('.');
    const find: By = (call) => {
      const id = findUserId(call, members);
      return id === null ? null : subjectOf.user(id);
    };
    return withUserPaths(find, [members]);
  },

  /** A request header. Clients choose its value, so add a limit by address, or verify the value first. */
  header(name: string): By {
    const key = name.toLowerCase();
    return ({ request }) => {
      const value = request?.headers[key];
      return value === undefined || value.length === 0 ? null : `header:${key}:${String(value)}`;
    };
  },

  /** The path, shared by all callers: without its query, decoded, in lower case, without doubled or trailing slashes. */
  path(): By {
    return ({ request }) => (request?.url === undefined ? null : `path:${canonicalPath(request)}`);
  },

  /** One budget, shared by all callers. */
  all(): By {
    return () => 'all';
  },

  /** The first candidate that finds somebody. */
  first(...candidates: readonly By[]): By {
    const findFrom = (call: Call, i: number): Awaitable<FoundSubject> => {
      const candidate = candidates[i];
      if (candidate === undefined) return null;
      return chain(candidate(call), (found) => (isNobody(found) ? findFrom(call, i + 1) : found));
    };
    return withUserPaths((call) => findFrom(call, 0), candidates.flatMap(userPathsOf));
  },

  /** All parts together: one budget for each combination. A part that finds nobody counts as the address. */
  each(...parts: readonly By[]): By {
    const find: By = (call) =>
      chain(
        chainAll(parts, (part) => part(call)),
        (found) => joinSubjects(found, call),
      );
    return withUserPaths(find, parts.flatMap(userPathsOf));
  },
};

/** Returns one subject for several. Lengths keep combinations apart wherever the strings are cut. */
function joinSubjects(found: readonly FoundSubject[], call: Call): string | typeof EXEMPT {
  let joined = 'each:';
  for (const one of found) {
    if (one === EXEMPT) return EXEMPT;
    const subject = isNobody(one) ? addressOf(call) : checkedSubject(one, 'by.each');
    joined += `${subject.length}:${subject}`;
  }
  return joined;
}
