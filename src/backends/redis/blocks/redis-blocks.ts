import type { Charge, Outcome, Target } from '../../../core/decision.js';
import type { Emitter } from '../../../core/emitter.js';
import { isBlocked } from '../../../strategies/blocks/block-record.js';
import type { BackendEvent } from '../../backend-events.js';
import { type Block, blockOptionOf } from '../../blocks/block-store.js';
import type { OutcomeListener, RemoteBlocks } from '../../remote-store.js';
import type { Page, PageRequest } from '../../settings-store.js';
import { ignoreTransient, isWrongType } from '../clients/reply-errors.js';
import type { RedisTopology } from '../dispatch/redis-topology.js';
import type { RedisKeys } from '../redis-keys.js';
import { undecidedError } from '../scripts/call-verdict.js';
import { BlockIndex, budgetOf, type IndexedBudget } from './block-index.js';
import { RECORD_BYTES, recordOf } from './block-record-bytes.js';

/** The deadline for listing a block that a policy began, in milliseconds. No caller waits for it. */
const INDEX_TIMEOUT_MS = 10_000;
/**
 * The number of names that are checked for each one that is added. It is above 1, so that the blocks of most names are
 * in force.
 */
const SAMPLED = 2;

/** Blocks in Redis, under the keys of budgets: lua/lib/blocks.lua says how. */
export class RedisBlocks implements RemoteBlocks {
  readonly #index: BlockIndex;

  constructor(
    private readonly keys: RedisKeys,
    private readonly topology: RedisTopology,
    private readonly events: Emitter<BackendEvent>,
    private readonly now: () => number,
  ) {
    this.#index = new BlockIndex(keys, topology);
  }

  /**
   * Adds the block to the index before it begins, and again after that, because a reader in between removes a name
   * without a block.
   */
  async setBlock(target: Target, forMs: number, dueMs: number): Promise<Block> {
    blockOptionOf(target.policy);
    await this.#index.add(target, dueMs);
    const { expiresAt, strikes } = await this.#run(target, forMs, dueMs);
    // The block is in force already. A failure means only that the index may lack it.
    await this.#index.add(target, dueMs).catch(ignoreTransient);
    return { policy: target.policy.name, subject: target.subject, expiresAt, strikes };
  }

  getBlock({ policy, subject }: Target, dueMs: number): Promise<Block | undefined> {
    blockOptionOf(policy);
    return this.#read(policy.name, { id: policy.id, subject }, dueMs);
  }

  async deleteBlock(target: Target, dueMs: number): Promise<boolean> {
    blockOptionOf(target.policy);
    return (await this.#run(target, undefined, dueMs)).endedMs > 0;
  }

  async listBlocks(policy: string, page: PageRequest, dueMs: number): Promise<Page<Block>> {
    const names = await this.#index.names(policy, page, dueMs);
    const found = await Promise.all(names.map((name) => this.#listed(policy, name, dueMs)));
    const entries = found.flatMap((block) => block ?? []);
    const last = names.at(-1);
    return last === undefined || names.length < page.limit ? { entries } : { entries, cursor: last };
  }

  /** Returns a listener that adds the blocks that a call begins to the index, and then calls another listener. */
  listing(listener: OutcomeListener | undefined): OutcomeListener {
    return {
      learn: (charges, outcome) => {
        this.#list(charges, outcome);
        listener?.learn(charges, outcome);
      },
    };
  }

  #list(charges: readonly Charge[], { decisions }: Outcome): void {
    for (const [i, { startedBlock }] of decisions.entries()) {
      const charge = charges[i];
      if (startedBlock === undefined || charge === undefined) continue;
      // A block that is not listed is in force all the same.
      this.#addOne(charge, this.now() + INDEX_TIMEOUT_MS).catch(() => undefined);
    }
  }

  /** Adds a block, and removes a few that are over, so that the index stays small even if no one lists blocks. */
  async #addOne(target: Target, dueMs: number): Promise<void> {
    await this.#index.add(target, dueMs);
    const names = await this.#index.sample(SAMPLED, dueMs);
    await Promise.all(names.map((name) => this.#listed(target.policy.name, name, dueMs)));
  }

  /** Returns a listed block; drops its name if it is over. */
  async #listed(policy: string, name: string, dueMs: number): Promise<Block | undefined> {
    const budget = budgetOf(name);
    const block = budget && (await this.#read(policy, budget, dueMs));
    if (block === undefined) await this.#index.remove(name, dueMs);
    return block;
  }

  async #read(policy: string, { id, subject }: IndexedBudget, dueMs: number): Promise<Block | undefined> {
    const key = this.keys.keyOfId(id, subject);
    const node = this.topology.masterOf(this.keys.slotOf(key));
    const now = await node.now(key, dueMs);
    let value: unknown;
    try {
      value = await node.read('getrange', [key, 0, RECORD_BYTES - 1], dueMs);
    } catch (error) {
      if (!isWrongType(error)) throw error;
    }
    const record = recordOf(value);
    if (record === undefined || !isBlocked(record, now)) return undefined;
    return { policy, subject, expiresAt: record.until, strikes: record.strikes };
  }

  /** @param forMs undefined to end the block */
  async #run(target: Target, forMs: number | undefined, dueMs: number) {
    const key = this.keys.keyOf(target);
    const reply = await this.topology.masterOf(this.keys.slotOf(key)).block(key, forMs, dueMs);
    if (reply.isForeign) throw undecidedError({ kind: 'foreign-value' }, [target], this.events);
    return reply;
  }
}
