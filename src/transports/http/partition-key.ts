import { hash } from 'node:crypto';

/** The largest number of cached keys. Computing one costs as much as the rest of the headers. */
const MAX_KEPT = 10_000;
/** The longest subject whose key is cached. Clients choose some subjects, which may be long. */
const MAX_KEPT_LENGTH = 256;
/** 96 bits in base64, without padding. */
const DIGITS = 16;

const kept = new Map<string, string>();

/**
 * Returns the partition key of a subject as a parameter of a structured field, `;pk=:...:` (RFC 9651, 3.3.5): the first
 * 96 bits of its SHA-256. Clients can only compare keys: addresses, user ids and other results of `by` must not appear
 * in a response, which a proxy may log or a cache may serve to another client. Empty for subjects of `by.header()`.
 */
export function partitionParameter(subject: string): string {
  const known = kept.get(subject);
  if (known !== undefined) return known;
  // Also matches inside subjects of `by.each()` and of a scope.
  if (subject.includes('header:')) return '';
  const made = `;pk=:${hash('sha256', subject, 'base64').slice(0, DIGITS)}:`;
  if (subject.length > MAX_KEPT_LENGTH) return made;
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(subject, made);
  return made;
}
