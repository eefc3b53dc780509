import { createHash } from 'node:crypto';

const RAW = /^[A-Za-z0-9_.:@/-]{1,48}$/;
const FIRST_OF_SCOPED = 0x73; // "s"
const HASHED = 0x23; // "#", which is never in a raw part

/** A text as a part of a key, at most 48 characters: itself where it is short and plain, else `#` and 128 bits of its SHA-256. */
export function keyPart(text: string): string {
  return RAW.test(text) ? text : hash(text);
}

/**
 * `prefix:{subject}:id`. The braces are a hash tag: a call's charges on one subject share a slot of a cluster.
 *
 * @param id as `keyPart` makes it of a policy's: once a policy, since those of handlers are long, and a hash is dear
 */
export function keyOf(prefix: string, subject: string, id: string): string {
  return `${prefix}:{${keyPart(subject)}}:${id}`;
}

/** A subject as the key of a map in this process: bounded, and any short text as it is, since no syntax is in the way. */
export function mapKey(subject: string): string {
  return subject.length <= 48 && subject.charCodeAt(0) !== HASHED ? subject : hash(subject);
}

function hash(text: string): string {
  // UTF-16, since UTF-8 would write every lone surrogate as the same replacement character.
  return `#${createHash('sha256').update(text, 'utf16le').digest('hex').slice(0, 32)}`;
}

/**
 * Folds a call's own scope into the subject, so that one policy keeps budgets apart.
 * Length-prefixed, and a plain subject that looks like a folded one is marked, so that no two are ever equal.
 */
export function scopedSubject(scope: string | undefined, subject: string): string {
  if (scope !== undefined) return `scope:${scope.length}:${scope}:${subject}`;
  // By its first letter at first: to compare a whole prefix is most of what this costs.
  return subject.charCodeAt(0) === FIRST_OF_SCOPED && subject.startsWith('scope:') ? `scope::${subject}` : subject;
}
