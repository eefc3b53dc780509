import { hash as digest } from 'node:crypto';
import { splitPolicyId } from './policy.js';

const MAX_LENGTH = 48;
/** By character code: 1 for the characters that are not escaped in a key: letters, digits and `_.:@/-`. */
const IS_RAW = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9_.:@/-]/.test(String.fromCharCode(code)) ? 1 : 0,
);
/** Addresses of handlers contain spaces: `GET /reports`. */
const RAW_ID = /^[A-Za-z0-9_.:@/ -]{1,48}$/;
const FIRST_OF_SCOPED = 0x73; // "s"
const FIRST_OF_HASHED = 0x23; // "#", which never occurs in a raw part

/**
 * Returns a string as part of a key: itself if it is short and plain, else `#` and 128 bits of its SHA-256. At most 48
 * characters.
 */
export function keyPart(text: string): string {
  return isRaw(text) ? text : hash(text);
}

/** A loop over a table takes three quarters of the time of a regular expression, and every call has a subject. */
function isRaw(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > MAX_LENGTH) return false;
  for (let i = 0; i < length; i++) if (IS_RAW[text.charCodeAt(i)] !== 1) return false;
  return true;
}

/**
 * A Redis key is `prefix:{subject}:id`: its beginning, `keyPart(subject)` and its end. The braces are a hash tag, so a
 * call's charges on one subject are in one slot of a cluster.
 */
export function keyBeginning(prefix: string): string {
  return `${prefix}:{`;
}

/**
 * Returns the end of a policy's keys. Compute it once per policy: ids of handlers are long, and hashing is expensive.
 */
export function keyEnd(policyId: string): string {
  return `}:${idPart(policyId)}`;
}

/**
 * Returns a policy's id as part of a key. Name and scope are hashed if they are long or not plain; the code of the
 * shape stays readable at the end.
 */
export function idPart(policyId: string): string {
  const [nameAndScope, shape] = splitPolicyId(policyId);
  return `${RAW_ID.test(nameAndScope) ? nameAndScope : hash(nameAndScope)}:${keyPart(shape)}`;
}

/**
 * Returns the map key of a subject, which is bounded: the subject itself up to 48 characters, or up to 96 if it ends in
 * a hash (as subjects of headers do), else a hash.
 */
export function mapKey(subject: string): string {
  const { length } = subject;
  const isShort =
    length <= MAX_LENGTH || (length <= 96 && subject.charCodeAt(length - HASH_LENGTH) === FIRST_OF_HASHED);
  return isShort && subject.charCodeAt(0) !== FIRST_OF_HASHED ? subject : hash(subject);
}

/** `#` and 32 digits. */
const HASH_LENGTH = 33;

function hash(text: string): string {
  // UTF-16, because UTF-8 encodes every lone surrogate as the same replacement character.
  return `#${digest('sha256', Buffer.from(text, 'utf16le'), 'hex').slice(0, 32)}`;
}

/**
 * Adds a call's context scope to the subject, so that one policy keeps separate budgets. The scope is length-prefixed,
 * and a plain subject that looks like a scoped one is escaped, so no two pairs give the same result.
 */
export function scopedSubject(contextScope: string | undefined, subject: string): string {
  if (contextScope !== undefined) return `scope:${contextScope.length}:${contextScope}:${subject}`;
  // Compares the first character before the prefix: the prefix comparison is most of the cost.
  return subject.charCodeAt(0) === FIRST_OF_SCOPED && subject.startsWith('scope:') ? `scope::${subject}` : subject;
}

/** Returns the subject that `scopedSubject` added a scope to. */
export function unscopedSubject(contextScope: string | undefined, scoped: string): string {
  if (contextScope !== undefined) return scoped.slice(`scope:${contextScope.length}:${contextScope}:`.length);
  return scoped.startsWith('scope::') ? scoped.slice('scope::'.length) : scoped;
}
