import type { Target } from '../../core/decision.js';
import type { RemoteBlocks } from '../remote-store.js';
import type { Page, PageRequest } from '../settings-store.js';
import type { Block, BlockStore } from './block-store.js';

/** Remote blocks with a deadline for each call. */
export class TimedBlocks implements BlockStore {
  /** @param dueMs returns the deadline of a call that begins now */
  constructor(
    private readonly remote: RemoteBlocks,
    private readonly dueMs: () => number,
  ) {}

  setBlock(target: Target, forMs: number): Promise<Block> {
    return this.remote.setBlock(target, forMs, this.dueMs());
  }

  getBlock(target: Target): Promise<Block | undefined> {
    return this.remote.getBlock(target, this.dueMs());
  }

  deleteBlock(target: Target): Promise<boolean> {
    return this.remote.deleteBlock(target, this.dueMs());
  }

  listBlocks(policy: string, page: PageRequest): Promise<Page<Block>> {
    return this.remote.listBlocks(policy, page, this.dueMs());
  }
}
