import type { Target } from '../../../core/decision.js';
import { mapKey } from '../../../core/key.js';
import type { PolicyBlock } from '../../../core/policy.js';
import { type BlockRecord, isBlocked, keptUntil, NO_RECORD } from '../../../strategies/blocks/block-record.js';
import type { MemoryStore } from '../memory-store.js';
import type { SubjectTable } from '../subject-table.js';

/** Returns the record of the blocks of a subject. */
export function readRecord(table: SubjectTable, key: string): BlockRecord {
  const index = table.find(key);
  if (index === undefined) return NO_RECORD;
  const [until = 0, rowAt = 0, struckAt = 0, row = 0, strikes = 0] = table.states.read(index);
  return { until, row, rowAt, strikes, struckAt };
}

/** Returns true if there is room for the record of a subject. */
export function hasRoomFor(store: MemoryStore, table: SubjectTable, key: string, now: number): boolean {
  return table.find(key) !== undefined || store.hasRoom(table, now, []);
}

/**
 * Writes the record of a subject. While the store is full, new subjects share a budget, and a block would apply to all
 * of them, so nothing is written for them.
 *
 * @returns whether it was written
 */
export function writeRecord(
  store: MemoryStore,
  { policy, subject }: Target,
  record: BlockRecord,
  block: PolicyBlock,
  now: number,
): boolean {
  const table = store.blocksOf(policy);
  const key = mapKey(subject);
  if (!hasRoomFor(store, table, key, now)) return false;
  const { until, row, rowAt, strikes, struckAt } = record;
  store.write({ table, key, isShared: false }, [until, rowAt, struckAt, row, strikes], keptUntil(record, block));
  const isOver = (other: Target) => !isBlocked(readRecord(store.blocksOf(other.policy), mapKey(other.subject)), now);
  if (isBlocked(record, now)) store.blocked.add({ policy, subject }, isOver);
  return true;
}
