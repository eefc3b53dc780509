import { invalidValue } from '../../../core/errors.js';

type Arg = string | number;

/** Commands that are written together, and answered in order: an error or a reply each. */
export interface RedisPipeline {
  callBuffer(command: string, ...args: Arg[]): unknown;
  exec(): Promise<readonly (readonly [error: Error | null, reply: unknown])[] | null>;
}

/**
 * The part of ioredis's `Redis` and `Cluster` (versions 5 and 6) that is used. A client is recognised by these methods.
 */
export interface RedisClient {
  evalsha(sha: string, keys: number, ...args: Arg[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: Arg[]): Promise<unknown>;
  /** Any command, with strings in the reply as bytes. */
  callBuffer(command: string, ...args: Arg[]): Promise<unknown>;
  /**
   * Commands that are written together; without it each is written by itself. Not used on a Cluster, which may repeat
   * all of them.
   */
  pipeline?(): RedisPipeline;
  info?(section: string): Promise<unknown>;
  /** Events of the connection: `error` and `ready`, on a Cluster also `node error`. */
  on?(event: string, listener: (...args: unknown[]) => void): unknown;
  once?(event: string, listener: (...args: unknown[]) => void): unknown;
  off?(event: string, listener: (...args: unknown[]) => void): unknown;
  /** The state of the connection; `ready` if commands can be sent. */
  readonly status?: string;
  readonly isCluster?: boolean;
  readonly options?: object;
  /** On a Cluster: the addresses of the nodes of each slot, the master first. */
  readonly slots?: readonly (readonly string[] | undefined)[];
  /** On a Cluster: the clients of its nodes, each on one server. */
  nodes?(role: 'master'): readonly NodeClient[];
  /** On a client of one master: how many commands were answered by another one, or may have been. */
  readonly redirections?: number;
}

/** The client of one node, which follows no redirections. */
export type NodeClient = Pick<RedisClient, 'evalsha' | 'eval' | 'callBuffer' | 'options'> & {
  asking(): Promise<unknown>;
  readonly status: string;
};

/** @throws ThrottleConfigError unless `client` can run scripts */
export function assertClient(client: unknown): asserts client is RedisClient {
  const methods = ['evalsha', 'eval', 'callBuffer'];
  const isClient =
    typeof client === 'object' &&
    client !== null &&
    methods.every((name) => typeof Reflect.get(client, name) === 'function');
  if (!isClient)
    throw invalidValue(
      'RedisBackend',
      'an ioredis client, new Redis(...) or new Cluster(...)',
      client,
      'SLUICE_INVALID_BACKEND',
    );
}
