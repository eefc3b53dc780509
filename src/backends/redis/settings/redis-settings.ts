import { randomInt } from 'node:crypto';
import type { UnreadableSettings } from '../../overrides/unreadable-settings.js';
import type { RemoteSettings } from '../../remote-store.js';
import type {
  NewOverride,
  NewPolicyChange,
  Override,
  OverrideTarget,
  Page,
  PageRequest,
  PolicyChange,
} from '../../settings-store.js';
import { ignoreTransient, isWrongType } from '../clients/reply-errors.js';
import type { RedisNode } from '../dispatch/redis-node.js';
import type { RedisTopology } from '../dispatch/redis-topology.js';
import type { RedisKeys } from '../redis-keys.js';
import { decodeOverride, encodeOverride, listName, NO_OVERRIDE, targetOf } from './override-codec.js';
import type { OverrideReads } from './override-reads.js';
import { changeFields, changesIn, resetFields } from './policy-change-codec.js';

/** The upper bound of the random version numbers, so large that none comes twice. */
const VERSIONS = 2 ** 48 - 1;
/** The field of the version among those of the policies, whose names begin with a letter. */
const VERSION = '@version';
/**
 * Milliseconds for which a key is kept after its override has expired, because the clock that decides may differ from
 * the server's.
 */
const TTL_MARGIN_MS = 3_600_000;

/**
 * Settings in Redis. Each command changes one key, so a change is atomic. The server refuses commands that write after
 * their deadline: a change that was reported as failed is not applied later.
 *
 * - `prefix:{subject}:override:policy` holds an override: see `encodeOverride`.
 * - `prefix:overrides`, a sorted set, lists them. It is advisory: a name is added before its override is written, and
 *   again after it, in case a listing removed the name in between. A listing reads each override, and removes the names
 *   of those that no longer exist.
 * - `prefix:policies`, a hash, has the changed rate and the changed mode of a policy in a field each, empty where they
 *   were taken back, and a version that is written together with them.
 */
export class RedisSettings implements RemoteSettings {
  constructor(
    private readonly keys: RedisKeys,
    private readonly topology: RedisTopology,
    private readonly reads: OverrideReads,
    private readonly unreadable: UnreadableSettings,
  ) {}

  async setOverride({ policy, subject, rate, expiresInMs }: NewOverride, dueMs: number): Promise<Override> {
    const key = this.keys.overrideKeyOf({ policy, subject });
    const node = this.#nodeOf(key);
    const expiry = expiresInMs === undefined ? {} : { expiresAt: (await node.now(key, dueMs)) + expiresInMs };
    const override: Override = { policy, subject, rate, ...expiry };
    const ttl = expiresInMs === undefined ? [] : ['PX', expiresInMs + TTL_MARGIN_MS];
    await this.#addToList(override, dueMs);
    try {
      await node.write('set', [key], [encodeOverride(override), ...ttl], dueMs);
    } finally {
      this.reads.forget(key);
    }
    // The override is in force already. A failure means only that the list may lack it.
    await this.#addToList(override, dueMs).catch(ignoreTransient);
    return override;
  }

  async getOverride(target: OverrideTarget, dueMs: number): Promise<Override | undefined> {
    const found = await this.#read(target, dueMs);
    return found === 'unreadable' ? undefined : found;
  }

  async deleteOverride(target: OverrideTarget, dueMs: number): Promise<boolean> {
    const found = await this.#read(target, dueMs);
    const key = this.keys.overrideKeyOf(target);
    try {
      await this.#nodeOf(key).delete([key], dueMs);
    } finally {
      this.reads.forget(key);
    }
    await this.#removeFromList(listName(target), dueMs);
    return found !== undefined;
  }

  async listOverrides(policy: string | undefined, page: PageRequest, dueMs: number): Promise<Page<Override>> {
    const names = await this.#listed(policy, page, dueMs);
    const found = await Promise.all(names.map((name) => this.#overrideOf(name, dueMs)));
    const entries = found.flatMap((override) => override ?? []);
    const last = names.at(-1);
    return last === undefined || names.length < page.limit ? { entries } : { entries, cursor: last };
  }

  async changePolicy(change: NewPolicyChange, dueMs: number): Promise<PolicyChange> {
    const key = this.keys.settingsKey('policies');
    const changedAt = await this.#nodeOf(key).now(key, dueMs);
    await this.#writeFields(changeFields(change, changedAt), dueMs);
    return { ...change, changedAt };
  }

  resetPolicy(policy: string, dueMs: number): Promise<void> {
    return this.#writeFields(resetFields(policy), dueMs);
  }

  async listPolicyChanges(dueMs: number): Promise<readonly PolicyChange[]> {
    const key = this.keys.settingsKey('policies');
    const fields = fieldsOf(await this.#nodeOf(key).read('hgetall', [key], dueMs));
    return changesIn(
      fields.filter(([field]) => field !== VERSION),
      (policy) => this.unreadable.report({ what: 'policy-change', policy }),
    );
  }

  async version(dueMs: number): Promise<number> {
    const key = this.keys.settingsKey('policies');
    return Number(textOf(await this.#nodeOf(key).read('hget', [key, VERSION], dueMs)) ?? 0);
  }

  /** Writes fields, and another version, at once. */
  async #writeFields(fields: readonly string[], dueMs: number): Promise<void> {
    const key = this.keys.settingsKey('policies');
    await this.#nodeOf(key).write('hset', [key], [...fields, VERSION, randomInt(1, VERSIONS)], dueMs);
  }

  /** Returns the names in the list after the cursor, in order. */
  async #listed(policy: string | undefined, { cursor, limit }: PageRequest, dueMs: number): Promise<readonly string[]> {
    const key = this.keys.settingsKey('overrides');
    // "!" comes after the space behind a policy's name.
    const [first, end] = policy === undefined ? ['-', '+'] : [`[${policy} `, `(${policy}!`];
    const from = cursor === undefined ? first : `(${cursor}`;
    return listOf(await this.#nodeOf(key).read('zrange', [key, from, end, 'BYLEX', 'LIMIT', 0, limit], dueMs));
  }

  /** Returns a listed override; drops its name if it is gone. */
  async #overrideOf(name: string, dueMs: number): Promise<Override | undefined> {
    const target = targetOf(name);
    const found = target && (await this.#read(target, dueMs));
    if (found === undefined) await this.#removeFromList(name, dueMs);
    return found === 'unreadable' ? undefined : found;
  }

  async #read(target: OverrideTarget, dueMs: number): Promise<Override | 'unreadable' | undefined> {
    const { policy, subject } = target;
    const key = this.keys.overrideKeyOf(target);
    const node = this.#nodeOf(key);
    const text = await this.#textAt(key, node, dueMs);
    if (text === undefined) return undefined;
    const found = decodeOverride(text);
    if (found === undefined) {
      this.unreadable.report({ what: 'override', policy, subject });
      return 'unreadable';
    }
    const isOver = found.expiresAt !== undefined && (await node.now(key, dueMs)) >= found.expiresAt;
    return isOver ? undefined : { policy, subject, ...found };
  }

  async #textAt(key: string, node: RedisNode, dueMs: number): Promise<string | undefined> {
    try {
      return textOf(await node.read('get', [key], dueMs));
    } catch (error) {
      // One key of another type must not end a list of all others.
      if (isWrongType(error)) return NO_OVERRIDE;
      throw error;
    }
  }

  async #addToList(override: Override, dueMs: number): Promise<void> {
    const key = this.keys.settingsKey('overrides');
    await this.#nodeOf(key).write('zadd', [key], [0, listName(override)], dueMs);
  }

  /** Resolves during an outage, too: a later listing removes a name that stays. */
  async #removeFromList(name: string, dueMs: number): Promise<void> {
    const key = this.keys.settingsKey('overrides');
    await this.#nodeOf(key).write('zrem', [key], [name], dueMs).catch(ignoreTransient);
  }

  #nodeOf(key: string): RedisNode {
    return this.topology.masterOf(this.keys.slotOf(key));
  }
}

function textOf(reply: unknown): string | undefined {
  return Buffer.isBuffer(reply) ? reply.toString() : undefined;
}

function listOf(reply: unknown): readonly string[] {
  return Array.isArray(reply) ? reply.map((item) => textOf(item) ?? '') : [];
}

/** The fields of a hash: ioredis makes an object of them. */
function fieldsOf(reply: unknown): readonly (readonly [name: string, text: string])[] {
  return Object.entries(Object(reply)).map(([name, value]) => [name, textOf(value) ?? '']);
}
