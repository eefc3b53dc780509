import { type Decision, withMembers } from '../../core/decision.js';
import type { PolicyBlock } from '../../core/policy.js';
import type { StateSize } from '../strategy.js';

/**
 * The blocks and denials of one subject under one policy. Whole numbers; instants are in epoch milliseconds, 0 for
 * none.
 */
export interface BlockRecord {
  /** The end of the block, an instant. */
  readonly until: number;
  /** Denials in a row that have not begun a block yet, and the instant of the last one. */
  readonly row: number;
  readonly rowAt: number;
  /** Blocks that the policy began, and the instant at which the last one began. */
  readonly strikes: number;
  readonly struckAt: number;
}

/** The record of a subject that was never denied. */
export const NO_RECORD: BlockRecord = Object.freeze({ until: 0, row: 0, rowAt: 0, strikes: 0, struckAt: 0 });

/** The size of a record that is stored as a state: three instants, and two counts. */
export const RECORD_SIZE: StateSize = { wide: 3, counts: 2 };

/** Returns true if the subject is blocked. At the instant `until` it no longer is. */
export function isBlocked({ until }: BlockRecord, now: number): boolean {
  return now < until;
}

/** Returns the instant until which a record must be kept; 0 for an empty record. */
export function keptUntil({ until, row, rowAt, strikes, struckAt }: BlockRecord, block: PolicyBlock): number {
  const rowUntil = row > 0 ? rowAt + block.forgetAfterMs : 0;
  const strikesUntil = strikes > 0 ? struckAt + block.forgetAfterMs : 0;
  return Math.max(until, rowUntil, strikesUntil);
}

/**
 * Returns the record after a denial of a subject that is not blocked. The denial is added to the denials in a row, or
 * begins a block. The Lua twin is `after_denial`.
 */
export function afterDenial(record: BlockRecord, now: number, block: PolicyBlock): BlockRecord {
  const { forMs, after, escalate, forgetAfterMs } = block;
  if (forMs === 0) return record;
  const row = (now - record.rowAt < forgetAfterMs ? record.row : 0) + 1;
  if (row < after) return { ...record, row, rowAt: now };
  const strikes = now - record.struckAt < forgetAfterMs ? record.strikes : 0;
  const factor = escalate[Math.min(strikes, escalate.length - 1)] ?? 1;
  return { until: now + forMs * factor, row: 0, rowAt: 0, strikes: strikes + 1, struckAt: now };
}

/** Returns the record after an admitted charge, which resets the denials in a row to 0. */
export function afterAdmission(record: BlockRecord): BlockRecord {
  return record.row === 0 ? record : { ...record, row: 0, rowAt: 0 };
}

/**
 * Returns the decision on a charge of a blocked subject.
 *
 * @param decision the strategy's denial of the charge, or its decision at a cost of 0 if it would allow the charge
 * @param asksFor true if the charge can be denied; false for a charge of 0 units, which only reads, and for a recorded
 *   charge
 */
export function whileBlocked(decision: Decision, { until }: BlockRecord, now: number, asksFor: boolean): Decision {
  const leftMs = until - now;
  const read: Decision = { ...decision, remaining: 0, resetMs: Math.max(decision.resetMs, leftMs), delayMs: 0 };
  if (!asksFor) return read;
  const { retryAfterMs } = decision;
  return withMembers(read, {
    allowed: false,
    retryAfterMs: retryAfterMs === null ? null : Math.max(retryAfterMs, leftMs),
    reason: 'blocked',
  });
}
