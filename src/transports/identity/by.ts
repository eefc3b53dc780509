import { type Awaitable, chain, chainAll } from '../../core/awaitable.js';
import { sharedState } from '../../core/copies.js';
import { assertKnownMembers, invalidArgument, ThrottleConfigError } from '../../core/errors.js';
import { missingValue } from '../../core/value-options.js';
import { type By, type Call, EXEMPT } from '../call.js';
import { contextMembersOf, readsContext } from '../context-members.js';
import { checkedAddressHeader, headersOf, markHeaders } from './address-headers.js';
import { connectionSubject } from './connection-subject.js';
import { canonicalPath } from './request-path.js';
import {
  addressOf,
  checkedSubject,
  type FoundSubject,
  type HeaderOptions,
  headerSubject,
  ipSubject,
  isEmptySubject,
  userSubject,
} from './subject.js';
import { findUserId, findWithSearch, isUserBy, markUserBy, type UserSearch } from './user-lookup.js';

/** Options of `by.ip()`. */
export interface AddressOptions {
  /** A header in which a CDN writes the client's address, such as `cf-connecting-ip` or `true-client-ip`. */
  readonly header: string;
}

/**
 * Functions for the option `by`: who is charged. If a function finds nothing, the caller's address is charged, so that
 * unknown callers are limited and do not share one budget.
 *
 * @example
 * @Throttle('1000/min', { by: by.first(by.user(), by.header('x-api-key')) })
 */
export const by = {
  /**
   * The caller's address, under the application's trust-proxy setting. IPv6 addresses are cut to their network.
   *
   * With a `header`, the address that a CDN writes there, such as `cf-connecting-ip`. The header is used only if the
   * peer that sent the request is a trusted proxy and the header contains an address; otherwise it is ignored.
   *
   * @throws ThrottleConfigError for an invalid header name, and for a header that the trust-proxy setting reads, such
   *   as `x-forwarded-for`
   * @example
   * @Throttle('100/min', { by: by.ip({ header: 'cf-connecting-ip' }) })
   */
  ip(...options: readonly [options?: AddressOptions]): By {
    if (options.length === 0) return ({ address }) => (address === undefined ? null : ipSubject(address));
    const header = headerIn(options[0]);
    return (call) => {
      const address = call.addressIn?.(header) ?? call.address;
      return address === undefined ? null : ipSubject(address);
    };
  },

  /** On sockets the connection. On HTTP the address, because a client can open any number of connections. */
  connection(): By {
    return ({ client }) => (client === undefined ? null : connectionSubject(client));
  },

  /**
   * The user, read from a member of the request that authentication sets: a string, a whole number, or an object with
   * its own `toString`. If the guard finds no user, the limit is charged after all guards, so guards that authenticate
   * may run in any order. On sockets the user is read from the client, its `data` or the upgrade request, in this
   * order.
   *
   * @param path the path of the member, with dots. Default: `user.id`
   * @throws ThrottleConfigError if the path is invalid
   */
  user(...path: readonly [path?: string]): By {
    const members = path.length === 0 ? ['user', 'id'] : membersOf(path[0]);
    return markUserBy((call, search) => {
      const id = findUserId(call, members);
      if (id !== null) return userSubject(id);
      if (search !== undefined) search.isUserMissing = true;
      return null;
    });
  },

  /**
   * A request header. Clients choose its value, so add a limit by address, or verify the value first. The subject
   * contains a hash of the value (128 bits of SHA-256), so that API keys do not appear in keys, events or logs. With `{
   * clear: true }` it contains the value.
   *
   * For a header in which proxies write addresses, a warning is logged at startup; use `by.ip({ header })`.
   *
   * @throws ThrottleConfigError if the name is not a string, or is empty
   * @example
   * by.header('x-api-key')                // 'header:x-api-key:#2bb80d537b1da3e38bd30361aa855686'
   * by.header('x-tenant', { clear: true }) // 'header:x-tenant:acme'
   */
  header(name: string, options: HeaderOptions = {}): By {
    assertHeaderName(name);
    const isClear = isClearIn(options);
    const key = name.toLowerCase();
    const find: By = ({ request }) => {
      const value = request?.headers[key];
      return value === undefined || value.length === 0 ? null : headerSubject(key, String(value), isClear);
    };
    return markHeaders(find, [key]);
  },

  /** The path, shared by all callers: decoded, in lower case, without query, doubled slashes and a trailing slash. */
  path(): By {
    return ({ request }) => (request?.url === undefined ? null : `path:${canonicalPath(request)}`);
  },

  /** One budget, shared by all callers. */
  all(): By {
    return () => 'all';
  },

  /**
   * The first candidate that returns a subject. @throws ThrottleConfigError without candidates, or if one is not a
   * function
   */
  first(...candidates: readonly By[]): By {
    assertBys('by.first', candidates);
    const findFrom = (call: Call, i: number, search?: UserSearch, isMissing = false): Awaitable<FoundSubject> => {
      const candidate = candidates[i];
      if (candidate === undefined) return noteMissing(search, isMissing, null);
      const own = search && { isUserMissing: false };
      return chain(findWithSearch(candidate, call, own), (found) => {
        const isOwnMissing = own?.isUserMissing === true;
        if (isEmptySubject(found)) return findFrom(call, i + 1, search, isMissing || isOwnMissing);
        // If a user is found, earlier candidates that found none do not matter.
        return noteMissing(search, isUserBy(candidate) ? isOwnMissing : isMissing, found);
      });
    };
    const find: By = candidates.some(isUserBy)
      ? markUserBy((call, search) => findFrom(call, 0, search))
      : (call) => findFrom(call, 0);
    return markParts(find, candidates);
  },

  /**
   * All parts together: one budget per combination. A part that finds nothing is replaced by the address.
   *
   * @throws ThrottleConfigError without parts, or if one is not a function
   */
  each(...parts: readonly By[]): By {
    assertBys('by.each', parts);
    const find = (call: Call, search?: UserSearch): Awaitable<FoundSubject> =>
      chain(
        chainAll(parts, (part) => findWithSearch(part, call, search)),
        (found) => joinSubjects(found, call),
      );
    const findAll: By = parts.some(isUserBy) ? markUserBy(find) : (call) => find(call);
    return markParts(findAll, parts);
  },
};

/** The members of `by` and their names. */
const makers = sharedState('by-makers', () => new WeakMap<object, string>());
for (const [name, maker] of Object.entries(by)) makers.set(maker, name);

/** Throws for a member of `by` that was not called, such as `by: by.user`. @throws ThrottleConfigError */
export function assertCalled(place: string, value: unknown): void {
  const name = typeof value === 'function' ? makers.get(value) : undefined;
  if (name === undefined) return;
  throw new ThrottleConfigError(
    'SLUICE_INVALID_FUNCTION',
    `${place}: by.${name} was passed without being called. Write by.${name}().`,
  );
}

/** Marks a `By` with what those that it consists of read. */
function markParts(by: By, parts: readonly By[]): By {
  return readsContext(markHeaders(by, parts.flatMap(headersOf)), parts.flatMap(contextMembersOf));
}

function assertBys(place: string, parts: readonly unknown[]): void {
  const expected = 'functions such as by.user() and by.ip()';
  if (parts.length === 0)
    throw new ThrottleConfigError('SLUICE_INVALID_ARGUMENT', `${place}: expected ${expected}, got none`);
  for (const part of parts) {
    if (part === undefined) throw missingValue(place, expected);
    assertCalled(place, part);
    if (typeof part !== 'function') throw invalidArgument(place, expected, part);
  }
}

function membersOf(path: unknown): readonly string[] {
  const expected = 'the path of a member such as "user.id"';
  if (path === undefined) throw missingValue('by.user', expected, 'Leave the path out for "user.id".');
  if (typeof path !== 'string' || path.split('.').includes('')) throw invalidArgument('by.user', expected, path);
  return path.split('.');
}

function headerIn(options: AddressOptions | undefined): string {
  const expected = 'options such as { header: "cf-connecting-ip" }';
  if (options === undefined) throw missingValue('by.ip', expected);
  if (typeof options !== 'object' || options === null) throw invalidArgument('by.ip', expected, options);
  assertKnownMembers('by.ip()', options, ['header']);
  return checkedAddressHeader(options.header);
}

function isClearIn(options: HeaderOptions): boolean {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument('by.header', 'options such as { clear: true }', options);
  }
  assertKnownMembers('by.header()', options, ['clear']);
  const { clear = false } = options;
  if (typeof clear !== 'boolean') throw invalidArgument('by.header({ clear })', 'true or false', clear);
  return clear;
}

function assertHeaderName(name: unknown): void {
  const expected = 'the name of a header such as "x-api-key"';
  if (name === undefined) throw missingValue('by.header', expected);
  if (typeof name !== 'string' || name === '') throw invalidArgument('by.header', expected, name);
}

function noteMissing(search: UserSearch | undefined, isMissing: boolean, found: FoundSubject): FoundSubject {
  if (search !== undefined && isMissing) search.isUserMissing = true;
  return found;
}

/**
 * Joins several subjects to one. Each is preceded by its length, so that different combinations have different results.
 */
function joinSubjects(found: readonly FoundSubject[], call: Call): string | typeof EXEMPT {
  let joined = 'each:';
  for (const one of found) {
    if (one === EXEMPT) return EXEMPT;
    const subject = isEmptySubject(one) ? addressOf(call) : checkedSubject(one, 'by.each');
    joined += `${subject.length}:${subject}`;
  }
  return joined;
}
