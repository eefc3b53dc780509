import { assertKnownMembers, invalidValue, optionAt, ThrottleConfigError } from '../../core/errors.js';
import type { PolicyBlock } from '../../core/policy.js';
import { type Duration, parseDuration } from '../../core/rate.js';
import { missingValue } from '../../core/value-options.js';

/**
 * When a policy blocks a subject, and for how long.
 *
 * @example
 * const block: BlockOptions = { for: '5m', after: 3, escalate: [1, 2, 4], forgetAfter: '1d' };
 */
export interface BlockOptions {
  /** How long a block is, such as `5m`: 1 ms to 366 days. */
  readonly for: Duration;
  /** The number of denials in a row that begins a block, 1 to 1000. Default: 1, the first denial. */
  readonly after?: number | undefined;
  /**
   * Multiples of `for`, whole numbers of at least 1, none lower than the one before it: for the first block, the
   * second, and so on. The last one applies to all later blocks. Default: `[1]`, all blocks are equally long.
   */
  readonly escalate?: readonly number[] | undefined;
  /**
   * The time since the start of a subject's last block after which its blocks are forgotten: the next one is again the
   * first. Denials in a row are forgotten after the same time without another denial. If blocks escalate, it must be
   * longer than the longest block. Default: an hour, or twice the longest block if that is more.
   */
  readonly forgetAfter?: Duration | undefined;
}

/** The longest block, and the longest time that one is remembered. The index of all blocks is kept for longer. */
export const MAX_BLOCK_MS = 366 * 86_400_000;
const MAX_AFTER = 1000;
const MAX_FACTORS = 100;
const HOUR_MS = 3_600_000;

/** The valid values of the option `block`, for error messages. */
export const BLOCK_EXPECTED = 'an object such as { for: "5m" }, or true for blocks by hand only';

/** The rules of a policy whose subjects are blocked by hand only. */
const BY_HAND: PolicyBlock = Object.freeze({ forMs: 0, after: 1, escalate: Object.freeze([1]), forgetAfterMs: 0 });

/** Returns the checked option `block` of a policy. @throws ThrottleConfigError naming the invalid member */
export function readBlock(path: string, block: unknown): PolicyBlock | undefined {
  if (block === undefined) return undefined;
  if (block === true) return BY_HAND;
  if (!isOptions(block)) throw invalidValue(path, BLOCK_EXPECTED, block);
  assertKnownMembers(path, block, ['for', 'after', 'escalate', 'forgetAfter']);
  const { after = 1, escalate = [1], forgetAfter } = block;
  if (block.for === undefined) throw missingValue(optionAt(path, 'for'), 'a duration such as "5m"');
  const forMs = parseDuration(optionAt(path, 'for'), block.for, MAX_BLOCK_MS);
  if (!(Number.isSafeInteger(after) && after >= 1 && after <= MAX_AFTER)) {
    throw invalidValue(optionAt(path, 'after'), `a whole number of denials, from 1 to ${MAX_AFTER}`, after);
  }
  if (!isFactors(escalate)) {
    throw invalidValue(
      optionAt(path, 'escalate'),
      'a list of whole numbers of at least 1, none lower than the one before it, such as [1, 2, 4]',
      escalate,
    );
  }
  const longestMs = forMs * Math.max(...escalate);
  if (longestMs > MAX_BLOCK_MS) {
    throw invalidValue(optionAt(path, 'escalate'), 'blocks of at most 366 days', escalate);
  }
  const forgetAfterMs =
    forgetAfter === undefined
      ? Math.min(MAX_BLOCK_MS, Math.max(HOUR_MS, 2 * longestMs))
      : parseDuration(optionAt(path, 'forgetAfter'), forgetAfter, MAX_BLOCK_MS);
  // If all blocks are equally long, the number of earlier ones has no effect.
  if (escalate.length > 1 && forgetAfterMs <= longestMs && forgetAfterMs < MAX_BLOCK_MS) {
    throw new ThrottleConfigError(
      'SLUICE_CONFLICTING_OPTIONS',
      `${optionAt(path, 'forgetAfter')}: expected more than ${longestMs} ms, the longest block in \`escalate\`, got ${forgetAfterMs} ms. Otherwise a block is forgotten before it ends, and the next one counts as the first.`,
    );
  }
  return Object.freeze({ forMs, after, escalate: Object.freeze([...escalate]), forgetAfterMs });
}

function isOptions(block: unknown): block is BlockOptions {
  return typeof block === 'object' && block !== null && !Array.isArray(block);
}

function isFactors(escalate: unknown): escalate is readonly number[] {
  if (!Array.isArray(escalate) || escalate.length === 0 || escalate.length > MAX_FACTORS) return false;
  return escalate.every((factor, i) => Number.isSafeInteger(factor) && factor >= (escalate[i - 1] ?? 1));
}
