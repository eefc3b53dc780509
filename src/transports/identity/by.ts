import { randomBytes } from 'node:crypto';
import { type Awaitable, chain, chainAll } from '../../core/awaitable.js';
import { describeValue } from '../../core/errors.js';
import { type By, type Call, EXEMPT } from '../call.js';

/** Subjects as the built-in `by` write them, for a service that is told whom to charge. */
export const subjectOf = {
  /** @example throttle.hit('login', 1, { subject: subjectOf.user(42) }) */
  user: (id: string | number | bigint): string => `user:${id}`,
  /** An address as `by.ip()` writes it: IPv4, or the network of an IPv6 address, `2001:db8:1:2::/64`. */
  ip: (address: string): string => `ip:${address}`,
  header: (name: string, value: string): string => `header:${name.toLowerCase()}:${value}`,
};

type Found = Awaited<ReturnType<By>>;

const userPaths = new WeakMap<By, readonly (readonly string[])[]>();
const connections = new WeakMap<object, string>();
/** Tells the processes of a fleet apart: in containers their numbers are all alike. */
const PROCESS = randomBytes(9).toString('base64url');
let connectionCount = 0;

/**
 * Who is charged. Where nobody is found the address is, never nobody and never one bucket for all strangers.
 *
 * @example
 * @Throttle('1000/min', { by: by.first(by.user(), by.header('x-api-key')) })
 */
export const by = {
  /** The caller's address, under the application's own trust-proxy setting; IPv6 by network. */
  ip(): By {
    return ({ address }) => (address === undefined ? null : subjectOf.ip(address));
  },

  /** The connection, on sockets. On HTTP, where a client opens as many as it likes, the address. */
  connection(): By {
    return ({ client }) => (client === undefined ? null : connectionOf(client));
  },

  /**
   * A member of the request, set by whoever authenticates: a text, a number, or an object that writes itself as a text.
   * On sockets a member of the client, of its `data`, or of the upgrade request: the first that there is.
   */
  user(path = 'user.id'): By {
    const members = path.split('.');
    const find: By = ({ request, client }) => {
      for (const holder of [client, memberAt(client, ['data']), request]) {
        const id = idAt(holder, members, path);
        if (id !== null) return subjectOf.user(id);
      }
      return null;
    };
    userPaths.set(find, [members]);
    return find;
  },

  /** A request header. Clients pick its value: bind a limit by address beside it, or check the value before. */
  header(name: string): By {
    const key = name.toLowerCase();
    return ({ request }) => {
      const value = request?.headers[key];
      return value === undefined || value.length === 0 ? null : `header:${key}:${String(value)}`;
    };
  },

  /** The path, one budget for everyone: without its query, decoded, in lower case, without doubled or trailing slashes. */
  path(): By {
    return ({ request }) => (request?.url === undefined ? null : `path:${plainPath(request)}`);
  },

  /** One budget for everyone. */
  all(): By {
    return () => 'all';
  },

  /** The first that finds somebody. */
  first(...candidates: readonly By[]): By {
    const from = (call: Call, i: number): Awaitable<Found> => {
      const candidate = candidates[i];
      if (candidate === undefined) return null;
      return chain(candidate(call), (found) => (isNobody(found) ? from(call, i + 1) : found));
    };
    return joined(candidates, (call) => from(call, 0));
  },

  /** All of them together: one budget for each combination. One that finds nobody counts as the address. */
  each(...parts: readonly By[]): By {
    return joined(parts, (call) =>
      chain(
        chainAll(parts, (part) => part(call)),
        (found) => {
          const texts: string[] = [];
          for (const one of found) {
            if (one === EXEMPT) return EXEMPT;
            const text = isNobody(one) ? addressOf(call) : checkedSubject(one, 'by.each');
            texts.push(`${text.length}:${text}`);
          }
          return `each:${texts.join('')}`;
        },
      ),
    );
  },
};

/** Whether `by` found nobody. */
export function isNobody(found: Found): found is null | undefined | '' {
  return found === null || found === undefined || found === '';
}

/** What `by` found, if it is a text; a number or an object would be a subject that nobody meant. */
export function checkedSubject(found: unknown, place: string): string {
  if (typeof found === 'string') return found;
  throw new TypeError(`${place}: expected a text, null or EXEMPT, got ${describeValue(found)}`);
}

/** The address as a subject; where a transport tells none, one for all of those, but outside any call nobody. */
export function addressOf({ address, type }: Call): string {
  if (type !== 'none') return subjectOf.ip(address ?? 'unknown');
  throw new Error(
    'There is no call here, and nobody to charge. Say whom: { subject: subjectOf.user(42) }, or { on: request }.',
  );
}

/** The members of the request under which `by` looks for a user. */
export function userPathsOf(find: By): readonly (readonly string[])[] {
  return userPaths.get(find) ?? [];
}

/** The member at a path of names; undefined where a part of the way is missing. */
export function memberAt(from: unknown, members: readonly string[]): unknown {
  let value = from;
  for (const member of members) {
    if (value === null || value === undefined) return undefined;
    value = Reflect.get(Object(value), member);
  }
  return value;
}

function joined(parts: readonly By[], find: By): By {
  userPaths.set(find, parts.flatMap(userPathsOf));
  return find;
}

function idAt(from: unknown, members: readonly string[], path: string): string | null {
  const value = memberAt(from, members);
  if (value === null || value === undefined || value === '') return null;
  if (typeof value === 'string' || typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  // An ObjectId and its like write themselves; a plain object would be one budget for everybody, and so an empty list.
  const writesItself = typeof value === 'object' && value.toString !== Object.prototype.toString;
  if (writesItself && !Array.isArray(value)) return String(value) || null;
  throw new TypeError(`by.user('${path}'): expected a text or a whole number, got ${describeValue(value)}`);
}

function connectionOf(client: object): string {
  let id = connections.get(client);
  if (id === undefined) {
    id = `conn:${PROCESS}-${++connectionCount}`;
    connections.set(client, id);
  }
  return id;
}

function plainPath({ url = '', originalUrl }: { readonly url?: string; readonly originalUrl?: unknown }): string {
  const target = typeof originalUrl === 'string' ? originalUrl : url;
  // Routers pass over an origin before the path and a fragment behind it, and some read a backslash as a slash.
  const [raw = ''] = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/\\?#]*/i, '').split(/[?#]/);
  const path = decoded(raw)
    .toLowerCase()
    .replace(/[/\\]+/g, '/');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
