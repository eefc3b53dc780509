import type { StoredRate } from '../../../core/policy.js';
import { MAX_SEGMENTS } from '../../../strategies/define-policy.js';
import type { Override, OverrideTarget } from '../../settings-store.js';

/** The value of an override's key, without its subject. */
export type OverrideValue = Pick<Override, 'rate' | 'expiresAt'>;

/**
 * Stands for a value that is not an encoded override. It is not empty, because an empty string tells the script that
 * the override is under a key.
 */
export const NO_OVERRIDE = '-';

/** The encoded form of an override, which begins with its version. `read_override` in Lua decodes it, too. */
const RATE = /^o1 ([^ ]+) (\d+) (\d+) (\d+) (\d+) (\d+)$/;
const UNLIMITED = /^o1 unlimited (\d+)$/;

/**
 * Encodes an override as words: `o1 strategy limit period burst segments expiry`, or `o1 unlimited expiry`. The expiry
 * is 0 if it never expires.
 *
 * @example
 * o1 sliding-window 500 60000 500 10 0
 */
export function encodeOverride({ rate, expiresAt = 0 }: OverrideValue): string {
  if (rate === 'unlimited') return `o1 unlimited ${expiresAt}`;
  const { strategy, limit, periodMs, burst, segments } = rate;
  return `o1 ${strategy} ${limit} ${periodMs} ${burst} ${segments} ${expiresAt}`;
}

/** Decodes an override. Returns undefined for any other string, which must not become a rate, or no limit. */
export function decodeOverride(text: string): OverrideValue | undefined {
  const [, freeUntil] = UNLIMITED.exec(text) ?? [];
  if (freeUntil !== undefined)
    return isExpiry(Number(freeUntil)) ? withExpiry('unlimited', Number(freeUntil)) : undefined;
  const [, strategy, ...words] = RATE.exec(text) ?? [];
  if (strategy === undefined) return undefined;
  const [limit = 0, periodMs = 0, burst = 0, segments = 0, expiresAt = 0] = words.map(Number);
  const rate = { strategy, limit, periodMs, burst, segments };
  return isStoredRate(rate) && isExpiry(expiresAt) ? withExpiry(rate, expiresAt) : undefined;
}

/**
 * Returns true for a rate that a strategy can count under: whole numbers of at least 1, and segments that divide the
 * period. More segments than a policy can have would keep the server busy.
 */
export function isStoredRate(rate: Partial<StoredRate> | null): rate is StoredRate {
  const { strategy, limit, periodMs = 0, burst, segments = 0 } = rate ?? {};
  const areWhole = [limit, periodMs, burst, segments].every((n) => Number.isSafeInteger(n) && Number(n) > 0);
  return typeof strategy === 'string' && areWhole && segments <= MAX_SEGMENTS && periodMs % segments === 0;
}

function isExpiry(expiresAt: number): boolean {
  return Number.isSafeInteger(expiresAt);
}

/**
 * Names an override in the list of all. Sorted, the overrides of a policy are together: a policy's name has no space.
 */
export function listName({ policy, subject }: OverrideTarget): string {
  // JSON keeps lone surrogates, which UTF-8 does not have.
  return `${policy} ${JSON.stringify(subject)}`;
}

/** Returns the override that a name of the list stands for, or undefined for a name that we did not write. */
export function targetOf(name: string): OverrideTarget | undefined {
  const space = name.indexOf(' ');
  try {
    const subject: unknown = JSON.parse(name.slice(space + 1));
    return space > 0 && typeof subject === 'string' ? { policy: name.slice(0, space), subject } : undefined;
  } catch {
    return undefined;
  }
}

function withExpiry(rate: OverrideValue['rate'], expiresAt: number): OverrideValue {
  return expiresAt === 0 ? { rate } : { rate, expiresAt };
}
