import { createHash } from 'node:crypto';
import type { RedisClient, RedisPipeline } from '../clients/redis-client.js';
import { isNoScript } from '../clients/reply-errors.js';
import type { ScriptSender } from '../clients/script-sender.js';

/** A Lua script. It is run by its hash (EVALSHA), and sent in full (EVAL) if the server does not have it. */
export class RedisScript {
  readonly #source: string;
  readonly #sha: string;

  /** @param userLines the first and the last line that are the Lua of custom strategies */
  constructor(
    source: string,
    readonly userLines?: readonly [first: number, last: number],
  ) {
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

  /** Adds a run to a pipeline: in full, or by the hash, to which a server without the script replies with an error. */
  addTo(pipeline: RedisPipeline, keys: readonly string[], args: readonly string[], inFull: boolean): void {
    const [command, script] = inFull ? ['eval', this.#source] : ['evalsha', this.#sha];
    pipeline.callBuffer(command, script, keys.length, ...keys, ...args);
  }

  /**
   * Like `run`, for a reply of bytes. Calls one of the functions. Creates no promises, because each would delay the
   * waiting call by a turn of the microtask queue.
   */
  runBuffer(
    send: ScriptSender,
    keys: readonly string[],
    args: readonly string[],
    inFull: boolean,
    onReply: (reply: unknown) => void,
    onError: (error: unknown) => void,
  ): void {
    if (inFull) {
      send('eval', this.#source, keys, args).then(onReply, onError);
      return;
    }
    send('evalsha', this.#sha, keys, args).then(onReply, (error) => {
      if (isNoScript(error)) this.runBuffer(send, keys, args, true, onReply, onError);
      else onError(error);
    });
  }
}
