import { createHash } from 'node:crypto';
import type { RedisClient } from '../clients/redis-client.js';
import { isNoScript } from '../clients/reply-errors.js';

/** A Lua script. It is run by its hash (EVALSHA), and sent in full (EVAL) if the server does not have it. */
export class RedisScript {
  readonly #source: string;
  readonly #sha: string;

  constructor(source: string) {
    this.#source = source;
    this.#sha = createHash('sha1').update(source).digest('hex');
  }

  async run(client: RedisClient, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await client.evalsha(this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isNoScript(error)) throw error;
      return client.eval(this.#source, keys.length, ...keys, ...args);
    }
  }
}
