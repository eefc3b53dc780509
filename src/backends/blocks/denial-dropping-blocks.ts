import { type Awaitable, isPromise } from '../../core/awaitable.js';
import type { Target } from '../../core/decision.js';
import type { Page, PageRequest } from '../settings-store.js';
import type { Block, BlockStore } from './block-store.js';

/** Drops the cached denials of a subject when it is blocked or unblocked by hand, because their waits are outdated. */
export class DenialDroppingBlocks implements BlockStore {
  constructor(
    private readonly inner: BlockStore,
    private readonly denials: { invalidate(targets: readonly Target[]): void },
  ) {}

  setBlock(target: Target, forMs: number): Awaitable<Block> {
    return this.#dropping(target, this.inner.setBlock(target, forMs));
  }

  getBlock(target: Target): Awaitable<Block | undefined> {
    return this.inner.getBlock(target);
  }

  deleteBlock(target: Target): Awaitable<boolean> {
    return this.#dropping(target, this.inner.deleteBlock(target));
  }

  listBlocks(policy: string, page: PageRequest): Awaitable<Page<Block>> {
    return this.inner.listBlocks(policy, page);
  }

  /**
   * Drops denials after the change, because calls sent before it may resolve after it. Also after a failure, which may
   * have succeeded at the backend.
   */
  #dropping<T>(target: Target, changed: Awaitable<T>): Awaitable<T> {
    const drop = () => this.denials.invalidate([target]);
    if (!isPromise(changed)) {
      drop();
      return changed;
    }
    return Promise.resolve(changed).finally(drop);
  }
}
