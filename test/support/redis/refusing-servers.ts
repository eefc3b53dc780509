import { Redis } from 'ioredis';
import { askUntil } from './faults.js';
import { type ClientOptions, connect, RedisServer, recommended } from './redis.js';

/** A folder that not even root can write to. */
const NOT_WRITABLE = '/proc';

/** A server in a state in which it refuses commands, by its error code. */
export interface RedisState {
  readonly code: string;
  readonly when: string;
  readonly isTransient: boolean;
  /** Returns a client of a server in that state; `heal` ends the state, if possible. */
  start(): Promise<{ readonly client: Redis; readonly heal?: () => Promise<unknown>; stop(): Promise<void> }>;
}

/** Returns a state that an administrator can set and end. */
function brought(
  code: string,
  when: string,
  into: (admin: Redis) => Promise<unknown>,
  out?: (admin: Redis) => Promise<unknown>,
  options: { args?: readonly string[]; client?: ClientOptions; isTransient?: boolean } = {},
): RedisState {
  return {
    code,
    when,
    isTransient: options.isTransient ?? true,
    async start() {
      const server = await RedisServer.start(options.args);
      const admin = await connect(server, { protocol: 2, enableReadyCheck: false });
      await into(admin);
      // Without the ready check and RESP3, the first command that the server refuses is that of the test.
      const settings = { ...recommended, enableReadyCheck: false, protocol: 2, ...options.client } as const;
      const client = new Redis({ ...server.address, ...settings, disconnectTimeout: 50 });
      client.on('error', () => undefined);
      await askUntil(
        () => client.status,
        (status) => status === 'ready',
      );
      return {
        client,
        ...(out !== undefined && { heal: () => out(admin) }),
        async stop() {
          for (const each of [client, admin]) each.disconnect();
          await server[Symbol.asyncDispose]();
        },
      };
    },
  };
}

const set = (name: string, value: string | number) => (admin: Redis) => admin.config('SET', name, value);
const weak = { client: { username: 'weak', password: 'x' }, isTransient: false };
const acl = (...rules: readonly string[]) => {
  return (admin: Redis) => admin.acl('SETUSER', 'weak', 'reset', 'on', '>x', '~*', '+@all', ...rules);
};

/** Loading takes 20 seconds here: a replica needs a millisecond for each key of its master. */
const loading: RedisState = {
  code: 'LOADING',
  when: 'a replica that reads what its master has sent',
  isTransient: true,
  async start() {
    const args = ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024'];
    const [master, replica] = await Promise.all([
      RedisServer.start(['--repl-diskless-sync-delay', '0']),
      RedisServer.start(args),
    ]);
    const [client, filler] = await Promise.all([connect(replica), connect(master)]);
    await filler.mset(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key-${i}`, 'x'.repeat(100)])));
    await client.replicaof('127.0.0.1', master.port);
    await askUntil(
      () => client.info('persistence'),
      (text) => text.includes('loading:1'),
    );
    return {
      client,
      async stop() {
        for (const each of [client, filler]) each.disconnect();
        await Promise.all([replica, master].map((server) => server[Symbol.asyncDispose]()));
      },
    };
  },
};

export const REDIS_STATES: readonly RedisState[] = [
  loading,
  brought(
    'READONLY',
    'a replica',
    (admin) => admin.replicaof('127.0.0.1', '1'),
    (admin) => admin.replicaof('NO', 'ONE'),
  ),
  brought(
    'MASTERDOWN',
    'a replica without its master',
    (admin) => admin.replicaof('127.0.0.1', '1'),
    (admin) => admin.replicaof('NO', 'ONE'),
    { args: ['--replica-serve-stale-data', 'no'] },
  ),
  brought('OOM', 'no memory left, noeviction', set('maxmemory', 1), set('maxmemory', 0)),
  brought('NOREPLICAS', 'too few replicas', set('min-replicas-to-write', 1), set('min-replicas-to-write', 0)),
  brought(
    'BUSY',
    'a script that does not end',
    async (admin) => {
      await admin.config('SET', 'lua-time-limit', 1);
      const { host = '', port = 0 } = admin.options;
      const other = await connect({ address: { host, port } });
      void other.eval('while true do end', 0).then(
        () => other.disconnect(),
        () => other.disconnect(),
      );
      await askUntil(
        () =>
          admin.ping().then(
            () => '',
            (error: Error) => error.message,
          ),
        (text) => text.startsWith('BUSY'),
      );
    },
    (admin) => admin.script('KILL'),
  ),
  brought('CLUSTERDOWN', 'a node without slots', async () => undefined, undefined, {
    args: ['--cluster-enabled', 'yes'],
  }),
  brought(
    'MISCONF',
    'a server that cannot save',
    async (admin) => {
      await admin.set('key', 'value');
      await admin.config('SET', 'dir', NOT_WRITABLE);
      await admin.config('SET', 'save', '3600 1');
      await admin.bgsave();
      await askUntil(
        () => admin.info('persistence'),
        (text) => text.includes('rdb_last_bgsave_status:err'),
      );
    },
    set('stop-writes-on-bgsave-error', 'no'),
    { args: ['--enable-protected-configs', 'yes'] },
  ),
  brought('NOAUTH', 'no password given', set('requirepass', 'x'), set('requirepass', ''), { isTransient: false }),
  brought('NOPERM', 'a user without EVALSHA', acl('-evalsha'), acl(), weak),
  brought('NOPERM', 'a user without SET', acl('-set'), acl(), weak),
  brought('NOPERM', 'a user without GET', acl('-get'), acl(), weak),
];
