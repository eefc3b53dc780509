import { describeValue } from '../../core/errors.js';
import type { By, Call } from '../call.js';

/** Writes subjects as the built-in `by` does, for `ThrottleService` calls that say who is charged. */
export const subjectOf = {
  /** @example throttle.hit('login', 1, { subject: subjectOf.user(42) }) */
  user: (id: string | number | bigint): string => `user:${id}`,
  /** An address as `by.ip()` writes it: IPv4, or the network of an IPv6 address, `2001:db8:1:2::/64`. */
  ip: (address: string): string => `ip:${address}`,
  header: (name: string, value: string): string => `header:${name.toLowerCase()}:${value}`,
};

/** The result of a `By`. */
export type FoundSubject = Awaited<ReturnType<By>>;

/** Returns true if `by` found nobody. The address is charged then. */
export function isNobody(found: FoundSubject): found is null | undefined | '' {
  return found === null || found === undefined || found === '';
}

/**
 * Returns what `by` found if it is a string. A number or an object would become a subject that nobody meant.
 *
 * @throws TypeError naming the place
 */
export function checkedSubject(found: unknown, place: string): string {
  if (typeof found === 'string') return found;
  throw new TypeError(`${place}: expected a text, null or EXEMPT, got ${describeValue(found)}`);
}

/**
 * Returns the address of a call as a subject. Calls whose address is unknown share one subject.
 *
 * @throws Error outside any call
 */
export function addressOf({ address, type }: Call): string {
  if (type !== 'none') return subjectOf.ip(address ?? 'unknown');
  throw new Error(
    'There is no call here, and nobody to charge. Say whom: { subject: subjectOf.user(42) }, or { on: request }.',
  );
}
