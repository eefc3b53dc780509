import { BoundedMap } from '../../../core/bounded-map.js';
import { systemClock } from '../../../core/clock.js';
import { inDomain } from '../../backend-error.js';
import { isWrongType } from '../clients/reply-errors.js';
import type { RedisTopology } from '../dispatch/redis-topology.js';
import type { RedisKeys } from '../redis-keys.js';
import { NO_OVERRIDE } from './override-codec.js';

/** The maximum age of a cached read. */
const MAX_AGE_MS = 1000;
/** The maximum number of cached reads, including those that found no override. */
const MAX_READS = 10_000;

interface Read {
  readonly text: Promise<string | undefined>;
  /** The encoded override, when it has been read. */
  found: { readonly text: string | undefined } | undefined;
  readonly atMs: number;
}

/**
 * Reads overrides whose keys are on other slots than their charges, because no script can read both. A result is cached
 * for a second. Concurrent calls share one read.
 */
export class OverrideReads {
  /** By key. */
  readonly #reads = new BoundedMap<string, Read>(MAX_READS);

  constructor(
    private readonly keys: RedisKeys,
    private readonly topology: RedisTopology,
  ) {}

  /** Returns the cached result of a read that is at most a second old; undefined if there is none. */
  known(key: string): { readonly text: string | undefined } | undefined {
    const read = this.#reads.get(key);
    return read !== undefined && isRecent(read) ? read.found : undefined;
  }

  /** Returns the cached result of a read, or reads the override. */
  read(key: string, dueMs: number): Promise<string | undefined> {
    const known = this.#reads.get(key);
    if (known !== undefined && isRecent(known)) return known.text;
    const read: Read = { text: this.#fetch(key, dueMs), found: undefined, atMs: systemClock.now() };
    this.#reads.set(key, read);
    read.text.then(
      (text) => {
        read.found = { text };
      },
      // The next call tries again.
      () => this.#forget(key, read),
    );
    return read.text;
  }

  /** Forgets an override that has changed. */
  forget(key: string): void {
    this.#reads.delete(key);
  }

  #forget(key: string, read: Read): void {
    if (this.#reads.get(key) === read) this.#reads.delete(key);
  }

  async #fetch(key: string, dueMs: number): Promise<string | undefined> {
    const slot = this.keys.slotOf(key);
    try {
      const reply = await this.topology.masterOf(slot).read('get', [key], dueMs);
      return Buffer.isBuffer(reply) ? reply.toString() || NO_OVERRIDE : undefined;
    } catch (error) {
      // The script would find the same. It is no failure of the server: a call must not be refused for it.
      if (isWrongType(error)) return NO_OVERRIDE;
      throw inDomain(error, this.topology.domainOf(slot));
    }
  }
}

function isRecent({ atMs }: Read): boolean {
  return systemClock.now() - atMs < MAX_AGE_MS;
}
