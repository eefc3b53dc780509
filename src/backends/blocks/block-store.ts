import type { Awaitable } from '../../core/awaitable.js';
import type { Target } from '../../core/decision.js';
import { ThrottleConfigError } from '../../core/errors.js';
import type { Policy, PolicyBlock } from '../../core/policy.js';
import type { Page, PageRequest } from '../settings-store.js';

/**
 * A block that is in force.
 *
 * @example
 * const { expiresAt, strikes } = await throttle.blocks.set('login', subjectOf.ip('192.0.2.7'), '1h');
 */
export interface Block {
  /** The policy's name. */
  readonly policy: string;
  readonly subject: string;
  /** The end of the block in epoch milliseconds, on the backend's clock. */
  readonly expiresAt: number;
  /**
   * The number of blocks that the policy itself has begun for the subject and not forgotten. Blocks by hand do not
   * count.
   */
  readonly strikes: number;
}

/**
 * Blocks of subjects under policies with the option `block`, begun by the policies or set by hand. A
 * block is part of a budget: `Backend.reset` of the budget ends it.
 */
export interface BlockStore {
  /** Blocks a subject from now on; replaces a previous block. It does not count as a strike. */
  setBlock(target: Target, forMs: number): Awaitable<Block>;
  /** Returns the block of a subject, or undefined if it is not blocked. */
  getBlock(target: Target): Awaitable<Block | undefined>;
  /** Ends the block of a subject, and drops its strikes and its row of denials. Returns false if it is not blocked. */
  deleteBlock(target: Target): Awaitable<boolean>;
  /** Lists the blocks of policies with a name. Blocks that begin or end in the meantime may be missing. */
  listBlocks(policy: string, page: PageRequest): Awaitable<Page<Block>>;
}

/** Returns the option `block` of a policy. @throws ThrottleConfigError for a policy without */
export function blockOptionOf({ name, block }: Policy): PolicyBlock {
  if (block !== undefined) return block;
  throw new ThrottleConfigError(
    'SLUICE_NOT_CONFIGURED',
    `policy "${name}": has no option \`block\`, so nobody can be blocked under it. Add { block: true } for blocks by hand, or { block: { for: "5m" } }.`,
  );
}
