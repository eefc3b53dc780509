import { type Awaitable, isPromise } from '../../../core/awaitable.js';
import type { Target } from '../../../core/decision.js';
import type { Block, BlockStore } from '../../blocks/block-store.js';
import type { Page, PageRequest } from '../../settings-store.js';
import type { LocalCounters } from './local-counters.js';

/**
 * Notes the blocks that are set and deleted by hand through this process: they count while the backend is unavailable.
 */
export class NotedBlocks implements BlockStore {
  constructor(
    private readonly inner: BlockStore,
    private readonly local: Pick<LocalCounters, 'noteBlock' | 'forgetBlock'>,
  ) {}

  setBlock(target: Target, forMs: number): Awaitable<Block> {
    const set = this.inner.setBlock(target, forMs);
    const note = (block: Block) => {
      this.local.noteBlock(target, forMs);
      return block;
    };
    return isPromise(set) ? Promise.resolve(set).then(note) : note(set);
  }

  getBlock(target: Target): Awaitable<Block | undefined> {
    return this.inner.getBlock(target);
  }

  /** After a failure the block is forgotten here, too: it may be deleted. */
  deleteBlock(target: Target): Awaitable<boolean> {
    const forget = () => this.local.forgetBlock(target);
    const deleted = this.inner.deleteBlock(target);
    if (isPromise(deleted)) return Promise.resolve(deleted).finally(forget);
    forget();
    return deleted;
  }

  listBlocks(policy: string, page: PageRequest): Awaitable<Page<Block>> {
    return this.inner.listBlocks(policy, page);
  }
}
