import { BackendError } from '../../backend-error.js';
import type { NodeClient, RedisClient } from './redis-client.js';

type Args = Parameters<RedisClient['evalsha']>;
type Run = (client: Pick<RedisClient, 'evalsha' | 'eval' | 'callBuffer'>) => Promise<unknown>;

/** Errors of a node that does not execute a command because of where its keys are. A Cluster client follows them. */
const REDIRECTIONS = ['MOVED', 'ASK', 'TRYAGAIN', 'CLUSTERDOWN'];

/**
 * The client of one master of a Cluster. Commands go directly to the node. While a slot moves, a node refuses a command
 * if some of its keys have moved and others have not (TRYAGAIN). A Cluster client would retry such a command until the
 * caller's deadline. This client rejects it at once, because a separate command for each key succeeds: here for a key
 * that has not moved, at the other master for one that has. All other redirections are left to the Cluster client, and
 * so are commands to a master without a connection.
 */
export class MasterClient implements RedisClient {
  #node: NodeClient | undefined;
  #redirections = 0;

  constructor(
    private readonly cluster: RedisClient,
    private readonly address: string,
  ) {}

  /** How many commands were answered by another master, or may have been. */
  get redirections(): number {
    return this.#redirections;
  }

  evalsha(...args: Args): Promise<unknown> {
    return this.#send((client) => client.evalsha(...args), keysOf(args));
  }

  eval(...args: Args): Promise<unknown> {
    return this.#send((client) => client.eval(...args), keysOf(args));
  }

  /** For EVALSHA and EVAL. */
  callBuffer(...args: Parameters<RedisClient['callBuffer']>): Promise<unknown> {
    const [, , count, ...others] = args;
    return this.#send((client) => client.callBuffer(...args), others.slice(0, Number(count)));
  }

  async #send(run: Run, keys: readonly unknown[]): Promise<unknown> {
    const node = this.#connected();
    if (node === undefined) return this.#redirect(run);
    try {
      return await run(node);
    } catch (error) {
      const [redirection = '', , address = ''] = wordsOf(error);
      if (!REDIRECTIONS.includes(redirection)) throw error;
      // A command with several keys would get TRYAGAIN from the other master, too, unless all of its keys have moved.
      if ((redirection === 'ASK' && haveSeveral(keys)) || redirection === 'TRYAGAIN') {
        throw new BackendError('TRYAGAIN', 'The keys of the command are being moved to another master');
      }
      return this.#redirect(run, redirection === 'ASK' ? this.#find(address) : undefined);
    }
  }

  /** @param importing the master that imports the slot, and may have the key already */
  #redirect(run: Run, importing?: NodeClient): Promise<unknown> {
    this.#redirections += 1;
    if (importing === undefined) return run(this.cluster);
    // The node carries it out together with the command that follows, on the same connection.
    importing.asking().catch(() => undefined);
    return run(importing);
  }

  /** The node of this address, if it can be sent to. A key prefix is known to the Cluster client only. */
  #connected(): NodeClient | undefined {
    if (this.#node?.status !== 'ready') this.#node = this.#find(this.address);
    return this.#node;
  }

  #find(address: string): NodeClient | undefined {
    const { cluster } = this;
    if (Reflect.get(cluster.options ?? {}, 'keyPrefix')) return undefined;
    return cluster.nodes?.('master').find(({ status, options = {} }) => {
      return status === 'ready' && `${Reflect.get(options, 'host')}:${Reflect.get(options, 'port')}` === address;
    });
  }
}

function keysOf([, count, ...args]: Args): readonly unknown[] {
  return args.slice(0, count);
}

function haveSeveral(keys: readonly unknown[]): boolean {
  return keys.some((key) => key !== keys[0]);
}

/** The words of an error reply, such as `ASK 3999 127.0.0.1:6381`. */
function wordsOf(error: unknown): readonly string[] {
  return error instanceof Error ? error.message.split(' ', 3) : [];
}
