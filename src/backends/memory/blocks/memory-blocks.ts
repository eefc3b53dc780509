import type { Clock } from '../../../core/clock.js';
import type { Target } from '../../../core/decision.js';
import { mapKey } from '../../../core/key.js';
import { isBlocked, NO_RECORD } from '../../../strategies/blocks/block-record.js';
import { BackendError } from '../../backend-error.js';
import { type Block, type BlockStore, blockOptionOf } from '../../blocks/block-store.js';
import type { Page, PageRequest } from '../../settings-store.js';
import type { MemoryStore } from '../memory-store.js';
import { readRecord, writeRecord } from './block-table.js';

/** The maximum difference between the ends in two reports of one block, which differ by the latency of a reply. */
const SAME_MS = 1000;

/** Blocks in this process. */
export class MemoryBlocks implements BlockStore {
  constructor(
    private readonly store: MemoryStore,
    private readonly clock: Clock,
  ) {}

  setBlock({ policy, subject }: Target, forMs: number): Block {
    const block = blockOptionOf(policy);
    const now = this.clock.now();
    const { strikes, struckAt } = readRecord(this.store.blocksOf(policy), mapKey(subject));
    const record = { ...NO_RECORD, until: now + forMs, strikes, struckAt };
    if (!writeRecord(this.store, { policy, subject }, record, block, now)) throw noRoom(policy.name);
    return { policy: policy.name, subject, expiresAt: record.until, strikes };
  }

  /**
   * Notes a block that was decided elsewhere. While the store is full, blocks of new subjects are not noted.
   *
   * @param forMs the time from now on; 0: the subject is not blocked
   * @param strikes if the policy has begun the block just now. Default: those that are known stay
   */
  noteBlock({ policy, subject }: Target, forMs: number, strikes?: number): void {
    const block = blockOptionOf(policy);
    const now = this.clock.now();
    const known = readRecord(this.store.blocksOf(policy), mapKey(subject));
    const until = now + forMs;
    const isKnown = forMs > 0 ? Math.abs(until - known.until) < SAME_MS : !isBlocked(known, now);
    if (isKnown && strikes === undefined) return;
    const kept = strikes === undefined ? known : { strikes, struckAt: now };
    writeRecord(this.store, { policy, subject }, { ...NO_RECORD, ...kept, until, row: 0, rowAt: 0 }, block, now);
  }

  getBlock({ policy, subject }: Target): Block | undefined {
    blockOptionOf(policy);
    const record = readRecord(this.store.blocksOf(policy), mapKey(subject));
    if (!isBlocked(record, this.clock.now())) return undefined;
    return { policy: policy.name, subject, expiresAt: record.until, strikes: record.strikes };
  }

  deleteBlock(target: Target): boolean {
    const found = this.getBlock(target);
    this.store.removeBlock(target.policy, target.subject);
    return found !== undefined;
  }

  listBlocks(policy: string, { cursor = '', limit }: PageRequest): Page<Block> {
    const { blocked } = this.store;
    blocked.drop((target) => this.getBlock(target) === undefined);
    const later = blocked.of(policy).filter(([key]) => key > cursor);
    const page = later.slice(0, limit);
    const entries = page.flatMap(([, target]) => this.getBlock(target) ?? []);
    const last = page.at(-1)?.[0];
    return last === undefined || page.length === later.length ? { entries } : { entries, cursor: last };
  }
}

/** Returns the error for a block that cannot be stored, which must not be reported as in force. */
function noRoom(policy: string): BackendError {
  return new BackendError(
    'OOM',
    `The subject is not blocked under policy "${policy}": the MemoryBackend already has \`maxKeys\` subjects. Raise \`maxKeys\`, or wait until some of them have expired.`,
  );
}
