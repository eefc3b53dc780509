import type { Block, BlockStore } from '../../backends/blocks/block-store.js';
import type { Page, PageRequest } from '../../backends/settings-store.js';
import type { Awaitable } from '../../core/awaitable.js';
import type { Target } from '../../core/decision.js';
import type { AnswerDeadlines } from './answer-deadlines.js';

/** Adds deadlines to a backend's blocks. */
export class BoundedBlocks implements BlockStore {
  constructor(
    private readonly inner: BlockStore,
    private readonly deadlines: AnswerDeadlines,
  ) {}

  setBlock(target: Target, forMs: number): Awaitable<Block> {
    return this.deadlines.bound(this.inner.setBlock(target, forMs), 'blocks.setBlock', [target]);
  }

  getBlock(target: Target): Awaitable<Block | undefined> {
    return this.deadlines.bound(this.inner.getBlock(target), 'blocks.getBlock', [target]);
  }

  deleteBlock(target: Target): Awaitable<boolean> {
    return this.deadlines.bound(this.inner.deleteBlock(target), 'blocks.deleteBlock', [target]);
  }

  listBlocks(policy: string, page: PageRequest): Awaitable<Page<Block>> {
    return this.deadlines.bound(this.inner.listBlocks(policy, page), 'blocks.listBlocks', [{ policy }]);
  }
}
