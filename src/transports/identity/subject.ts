import { hash } from 'node:crypto';
import { describeValue } from '../../core/errors.js';
import type { By, Call } from '../call.js';
import { normalizeAddress } from './ip-address.js';
import { prefixInForce } from './ipv6-prefixes.js';
import { userIdOf } from './user-lookup.js';

/** Options of `by.header()` and `subjectOf.header()`. */
export interface HeaderOptions {
  /**
   * If true, the subject contains the value itself. Default: false, it contains 128 bits of the value's SHA-256, so
   * that secrets do not appear in keys, events or logs.
   */
  readonly clear?: boolean;
}

/**
 * Returns subjects in the form of the built-in `by`, to pass to methods of `ThrottleService`.
 *
 * All members throw a TypeError for a value that would give an unintended subject, such as the user `undefined`.
 */
export interface SubjectOf {
  /**
   * Returns the subject of a user, as `by.user()` does.
   *
   * @param id a string that is not empty, or a whole number
   * @example throttle.hit('login', 1, { subject: subjectOf.user(42) })
   */
  user(id: string | number | bigint): string;
  /**
   * Returns the subject of an address, as `by.ip()` does. Accepts any form of an address. The subject contains IPv4, or
   * the network of an IPv6 address (RFC 5952) with the module's `ipv6Prefix`.
   *
   * @param address the address that the framework finds, `request.ip`; undefined for a request through a Unix socket,
   *   which has none
   * @throws Error if the applications of the process have different `ipv6Prefix`; then use `throttle.subjectOf`
   * @example
   * subjectOf.ip('2001:db8:1:2:3::4'); // 'ip:2001:db8:1:2::/64'
   * subjectOf.ip('::ffff:192.0.2.1');  // 'ip:192.0.2.1'
   */
  ip(address: string | undefined): string;
  /**
   * Returns the subject of a header, as `by.header()` does. Pass the same options.
   *
   * @param value the header's value as received: `request.headers[name]`
   * @example
   * subjectOf.header('X-Api-Key', 'secret');              // 'header:x-api-key:#2bb80d537b1da3e38bd30361aa855686'
   * subjectOf.header('X-Tenant', 'acme', { clear: true }) // 'header:x-tenant:acme'
   */
  header(name: string, value: string | readonly string[], options?: HeaderOptions): string;
}

/** The subject of all calls without an address. */
const UNKNOWN_ADDRESS = 'ip:unknown';

/** Returns the functions that return subjects, for an `ipv6Prefix`. */
export function subjectsUnder(prefix: () => number): SubjectOf {
  return {
    user: (id) => {
      const found = userIdOf(id);
      if (found !== null && found !== undefined) return userSubject(found);
      throw unfit('subjectOf.user()', 'the id of a user, a string that is not empty or a whole number', id);
    },
    ip: (address) => {
      if (address === undefined || address === '') return UNKNOWN_ADDRESS;
      if (typeof address !== 'string') throw unfit('subjectOf.ip()', 'an address, a string', address);
      // Only an IPv6 address depends on the prefix, which may be ambiguous.
      return ipSubject(address.includes(':') ? normalizeAddress(address, prefix()) : address);
    },
    header: (name, value, options = {}) => {
      if (typeof name !== 'string' || name === '') throw unfit('subjectOf.header()', 'the name of a header', name);
      const isValue = typeof value === 'string' || Array.isArray(value);
      if (isValue && value.length > 0) return headerSubject(name.toLowerCase(), String(value), options.clear === true);
      throw unfit(`subjectOf.header("${name}")`, 'the value of the header, a string that is not empty', value);
    },
  };
}

/**
 * Returns subjects in the form of the built-in `by`, with the `ipv6Prefix` of the process's application. See
 * `SubjectOf`.
 */
export const subjectOf: SubjectOf = subjectsUnder(prefixInForce);

export function userSubject(id: string): string {
  return `user:${id}`;
}

/** @param address an address in canonical form */
export function ipSubject(address: string): string {
  return `ip:${address}`;
}

/** @param name the header's name in lower case */
export function headerSubject(name: string, value: string, isClear: boolean): string {
  // Takes 0.6 us per call. A cache would be faster, but would keep the secrets of all clients in memory.
  return isClear ? `header:${name}:${value}` : `header:${name}:#${hash('sha256', value, 'hex').slice(0, 32)}`;
}

function unfit(place: string, expected: string, found: unknown): TypeError {
  return new TypeError(`${place}: expected ${expected}, got ${describeValue(found)}`);
}

/** The result of a `By`. */
export type FoundSubject = Awaited<ReturnType<By>>;

/** Returns true if `by` found nothing. Then the address is charged. */
export function isEmptySubject(found: FoundSubject): found is null | undefined | '' {
  return found === null || found === undefined || found === '';
}

/**
 * Returns the result of `by` if it is a string. A number or an object would give an unintended subject.
 *
 * @throws TypeError naming the place
 */
export function checkedSubject(found: unknown, place: string): string {
  if (typeof found === 'string') return found;
  throw unfit(place, 'a string, null or EXEMPT', found);
}

/**
 * Returns the address of a call as a subject. Calls whose address is unknown share one subject.
 *
 * @throws Error outside any call
 */
export function addressOf({ address, type }: Call): string {
  if (type !== 'none') return address === undefined ? UNKNOWN_ADDRESS : ipSubject(address);
  throw new Error(
    'There is no call here, so there is no subject to charge. Pass one: { subject: subjectOf.user(42) }, or { on: request }.',
  );
}
