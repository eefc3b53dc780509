import type { Charge, Outcome, Target } from '../../../core/decision.js';
import type { Emitter } from '../../../core/emitter.js';
import { isBlocked } from '../../../strategies/blocks/block-record.js';
import type { BackendEvent } from '../../backend-events.js';
import { type Block, blockOptionOf } from '../../blocks/block-store.js';
import type { OutcomeListener, RemoteBlocks } from '../../remote-store.js';
import type { Page, PageRequest } from '../../settings-store.js';
import { isWrongType } from '../clients/reply-errors.js';
import type { RedisTopology } from '../dispatch/redis-topology.js';
import type { RedisKeys } from '../redis-keys.js';
import { undecidedError } from '../scripts/call-verdict.js';
import { BlockIndex, budgetOf, type IndexedBudget } from './block-index.js';
import { RECORD_BYTES, recordOf } from './block-record-bytes.js';

/** Milliseconds in which a block that a policy began is to be listed. Nobody waits for that. */
const INDEX_TIMEOUT_MS = 10_000;
/** Names that are looked at for each one that is added. More than one, so that most names in the index are of blocks in force. */
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

  /** Lists it before it is there, and again, in case that the list was read in between. */
  async setBlock(target: Target, forMs: number, dueMs: number): Promise<Block> {
    blockOptionOf(target.policy);
    await this.#index.add(target, dueMs);
    const { expiresAt, strikes } = await this.#run(target, forMs, dueMs);
    await this.#index.add(target, dueMs);
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

  /** Returns what lists the blocks that a call begins, and then tells another listener. */
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

  /** Also if nobody ever lists blocks, the index holds not much more than those in force. */
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
      value = await node.command('getrange', [key, 0, RECORD_BYTES - 1], dueMs);
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
    const verdict = await this.topology.masterOf(this.keys.slotOf(key)).block(key, forMs, dueMs);
    if (verdict.kind !== 'done') throw undecidedError(verdict, [target], this.events);
    return verdict;
  }
}
