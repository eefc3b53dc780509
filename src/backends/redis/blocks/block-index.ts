import type { Target } from '../../../core/decision.js';
import type { PageRequest } from '../../settings-store.js';
import { ignoreTransient } from '../clients/reply-errors.js';
import type { RedisTopology } from '../dispatch/redis-topology.js';
import type { RedisKeys } from '../redis-keys.js';

/** Milliseconds for which the index is kept after its last change: longer than any block. */
const TTL_MS = 400 * 86_400_000;

/** A budget in the index: its policy's id says which key it has. */
export interface IndexedBudget {
  readonly id: string;
  readonly subject: string;
}

/**
 * `prefix:blocks`, a sorted set of the budgets whose subjects were blocked. It is advisory: a listing reads each block,
 * and removes the names of blocks that are over. Each process that adds a name checks a few others in the same way.
 */
export class BlockIndex {
  readonly #key: string;
  readonly #slot: number;

  constructor(
    keys: RedisKeys,
    private readonly topology: RedisTopology,
  ) {
    this.#key = keys.settingsKey('blocks');
    this.#slot = keys.slotOf(this.#key);
  }

  async add({ policy, subject }: Target, dueMs: number): Promise<void> {
    await this.#write('zadd', [0, `${policy.name} ${JSON.stringify([policy.id, subject])}`], dueMs);
    await this.#write('pexpire', [TTL_MS], dueMs);
  }

  /** Resolves during an outage, too: a later listing removes a name that stays. */
  async remove(name: string, dueMs: number): Promise<void> {
    await this.#write('zrem', [name], dueMs).catch(ignoreTransient);
  }

  /** Returns `count` random names of the index, or all if there are fewer. */
  async sample(count: number, dueMs: number): Promise<readonly string[]> {
    const reply = await this.#read('zrandmember', [count], dueMs);
    return Array.isArray(reply) ? reply.map(String) : [];
  }

  /**
   * Returns the names in the index after the cursor, in order; from the first on if the cursor is not of this policy's
   * list.
   */
  async names(policy: string, { cursor, limit }: PageRequest, dueMs: number): Promise<readonly string[]> {
    // "!" comes after the space behind a policy's name.
    const from = cursor?.startsWith(`${policy} `) === true ? `(${cursor}` : `[${policy} `;
    const reply = await this.#read('zrange', [from, `(${policy}!`, 'BYLEX', 'LIMIT', 0, limit], dueMs);
    return Array.isArray(reply) ? reply.map(String) : [];
  }

  #read(command: string, args: readonly (string | number)[], dueMs: number): Promise<unknown> {
    return this.topology.masterOf(this.#slot).read(command, [this.#key, ...args], dueMs);
  }

  #write(command: string, args: readonly (string | number)[], dueMs: number): Promise<void> {
    return this.topology.masterOf(this.#slot).write(command, [this.#key], args, dueMs);
  }
}

/** Returns the budget that a name of the index stands for, or undefined for a name that we did not write. */
export function budgetOf(name: string): IndexedBudget | undefined {
  try {
    const parsed: unknown = JSON.parse(name.slice(name.indexOf(' ') + 1));
    const [id, subject]: readonly unknown[] = Array.isArray(parsed) ? parsed : [];
    return typeof id === 'string' && typeof subject === 'string' ? { id, subject } : undefined;
  } catch {
    return undefined;
  }
}
