import { invalidValue } from '../../../core/errors.js';
import { BackendError } from '../../backend-error.js';

type Arg = string | number;

/** The part of ioredis's `Redis` and `Cluster` (versions 5 and 6) that is used, recognised by shape. */
export interface RedisClient {
  evalsha(sha: string, keys: number, ...args: Arg[]): Promise<unknown>;
  eval(script: string, keys: number, ...args: Arg[]): Promise<unknown>;
  del(...keys: string[]): Promise<unknown>;
  info?(section: string): Promise<unknown>;
  readonly isCluster?: boolean;
  readonly options?: object;
  /** Of a Cluster: the nodes of each slot, the master first. */
  readonly slots?: readonly (readonly string[] | undefined)[];
}

/** @throws ThrottleConfigError unless it is a client that can run scripts */
export function assertClient(client: unknown): asserts client is RedisClient {
  const methods = ['evalsha', 'eval', 'del'];
  const fits =
    typeof client === 'object' &&
    client !== null &&
    methods.every((name) => typeof Reflect.get(client, name) === 'function');
  if (!fits) throw invalidValue('RedisBackend', 'an ioredis client, new Redis(...) or new Cluster(...)', client);
}

/** Server errors that do not pass by themselves. */
const LASTING = ['NOAUTH', 'NOPERM', 'WRONGPASS', 'WRONGTYPE', 'ERR'];

/** What went wrong, without the command and its arguments, which hold subjects in clear. */
export function backendErrorOf(error: unknown): BackendError {
  if (error instanceof BackendError) return error;
  if (!(error instanceof Error)) return new BackendError('CONNECTION', 'Redis could not be reached');
  if (error.name === 'ReplyError') {
    const [word = ''] = error.message.split(' ');
    const said = /^[A-Z]+$/.test(word) ? word : 'ERR';
    return new BackendError(said, `Redis answered ${said}`, !LASTING.includes(said));
  }
  const code: unknown = Reflect.get(error, 'code');
  return new BackendError('CONNECTION', `Redis could not be reached${typeof code === 'string' ? ` (${code})` : ''}`);
}

export function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
