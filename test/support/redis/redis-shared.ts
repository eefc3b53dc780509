import { Redis } from 'ioredis';
import { connect, RedisServer, recommended } from './redis.js';

/** A Redis for tests that share one: that of REDIS_URL, else a private one. */
export interface TestRedis {
  readonly client: Redis;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<TestRedis> {
  const url = process.env.REDIS_URL;
  if (url !== undefined && url !== '') {
    const client = new Redis(url, { ...recommended, lazyConnect: true });
    await client.connect();
    return { client, stop: async () => client.disconnect() };
  }
  const server = await RedisServer.start();
  const client = await connect(server);
  return {
    client,
    stop: async () => {
      client.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

let prefixes = 0;

/** Returns an unused prefix, for separate state on a shared server. */
export function freshPrefix(): string {
  prefixes += 1;
  return `t${process.pid}-${Date.now() % 1_000_000}-${prefixes}`;
}
