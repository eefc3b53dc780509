import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { RedisClient } from '../../../../src/backends/redis/clients/redis-client.js';
import { scriptSender } from '../../../../src/backends/redis/clients/script-sender.js';
import { ownRedis } from '../../../support/redis/private-redis.js';

const ECHO = 'return { #KEYS, KEYS[1], KEYS[2] or false, ARGV[1] or false, ARGV[2] or false }';
interface RedisOptions {
  readonly host: string;
  readonly port: number;
  readonly lazyConnect: boolean;
  readonly maxRetriesPerRequest: number;
}

const open6 = (options: RedisOptions) => new Redis(options);
const open5 = (options: RedisOptions) => new Redis5(options);

describe('a run of a script', () => {
  const redis = ownRedis();
  const opened: { disconnect(): void }[] = [];

  afterEach(() => {
    for (const client of opened.splice(0)) client.disconnect();
  });

  /** Connects a client of the server, whose `callBuffer` is watched. */
  async function open<T extends Redis | Redis5>(make: (options: RedisOptions) => T, options: object = {}) {
    const { host = '', port = 0 } = redis.client.options;
    const client = make({ host, port, lazyConnect: true, maxRetriesPerRequest: 0, ...options });
    opened.push(client);
    await client.connect();
    const sha = String(await redis.client.script('LOAD', ECHO));
    const send = scriptSender(client);
    const asked: RedisClient = client;
    return { client, sha, send, byArguments: jest.spyOn(asked, 'callBuffer') };
  }

  const told = (reply: unknown) => (Array.isArray(reply) ? reply.map((part) => part && String(part)) : reply);

  it.each([
    ['ioredis 6', open6],
    ['ioredis 5', open5],
  ] as const)('is sent as one string by %s, for any keys and arguments in ASCII', async (_, make) => {
    const { sha, send, byArguments } = await open<Redis | Redis5>(make);
    const long = 'x'.repeat(300);
    for (const [keys, args] of [
      [['a'], []],
      [
        [long, ''],
        ['', long],
      ],
      [
        ['a\r\nb', '$1'],
        ['\0\x01\x7f', '\r\n'],
      ],
    ] as const) {
      const reply = await send('evalsha', sha, keys, args);
      expect(told(reply)).toEqual([
        `${keys.length}`,
        ...[...keys, null].slice(0, 2),
        ...[...args, null, null].slice(0, 2),
      ]);
    }
    expect(byArguments).not.toHaveBeenCalled();
  });

  it('is sent by its arguments if they are not ASCII', async () => {
    const { sha, send, byArguments } = await open(open6);
    expect(told(await send('evalsha', sha, ['clé'], ['\u20ac']))).toEqual(['1', 'clé', null, '\u20ac', null]);
    expect(byArguments).toHaveBeenCalledTimes(1);
  });

  it.each([[{ keyPrefix: 'app:' }], [{ showFriendlyErrorStack: true }]])(
    'is sent by its arguments with %j',
    async (options) => {
      const { sha, send, byArguments } = await open(open6, options);
      const key = 'keyPrefix' in options ? 'app:a' : 'a';
      expect(told(await send('evalsha', sha, ['a'], ['b']))).toEqual(['1', key, null, 'b', null]);
      expect(byArguments).toHaveBeenCalledTimes(1);
    },
  );

  it.each<readonly [string, (client: Redis) => RedisClient]>([
    [
      'a client of another make',
      ({ evalsha, eval: run, callBuffer, del }) => ({ evalsha, eval: run, callBuffer, del }),
    ],
    [
      'a wrapper that sends commands itself',
      (client) => ({
        evalsha: client.evalsha.bind(client),
        eval: client.eval.bind(client),
        del: client.del.bind(client),
        callBuffer: client.callBuffer.bind(client),
        ...{ sendCommand: client.sendCommand.bind(client) },
      }),
    ],
  ])('is sent by its arguments by %s', async (_, wrap) => {
    const { client, sha } = await open(open6);
    const wrapped = wrap(client);
    const sent = jest.fn((...args: Parameters<RedisClient['callBuffer']>) => client.callBuffer(...args));
    const send = scriptSender({ ...wrapped, callBuffer: sent });
    sent.mockClear();
    expect(told(await send('evalsha', sha, ['a'], []))).toEqual(['1', 'a', null, null, null]);
    expect(sent).toHaveBeenCalledTimes(1);
  });

  it('is sent by its arguments if the client would change them', async () => {
    const { client, sha, byArguments } = await open(open6);
    const { constructor: Command } = await commandOf(client);
    const written = jest.spyOn(Command.prototype, 'toWritable').mockReturnValueOnce('*1\r\n$4\r\nPING\r\n');
    const send = scriptSender(client);
    written.mockRestore();
    byArguments.mockClear();
    expect(told(await send('evalsha', sha, ['a'], []))).toEqual(['1', 'a', null, null, null]);
    expect(byArguments).toHaveBeenCalledTimes(1);
  });

  it('fails like the client: without the script, and without a connection', async () => {
    const { client, send } = await open(open6, { enableOfflineQueue: false });
    await expect(send('evalsha', '0'.repeat(40), ['a'], [])).rejects.toThrow('NOSCRIPT');
    client.disconnect();
    await expect(send('evalsha', '0'.repeat(40), ['a'], [])).rejects.toThrow(/closed|writeable/);
  });
});

/** A command as the client makes it. */
function commandOf(client: Redis): Promise<{ readonly constructor: { readonly prototype: { toWritable(): string } } }> {
  return new Promise((resolve) => {
    const sendCommand = jest.spyOn(client, 'sendCommand').mockImplementation((command) => {
      sendCommand.mockRestore();
      resolve(Object.getPrototypeOf(command));
      return Promise.resolve();
    });
    void client.callBuffer('ping');
  });
}
