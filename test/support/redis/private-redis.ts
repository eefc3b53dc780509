import { afterAll, beforeAll } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connect, RedisServer } from './redis.js';

/** A private Redis and a client, from before the first test of a file or a `describe` until after the last. */
export class OwnRedis {
  server!: RedisServer;
  client!: Redis;

  /** Returns how often a command has run since the counts were reset. */
  async calls(command: string): Promise<number> {
    const stats = await this.client.info('commandstats');
    return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0);
  }

  async resetCounts(): Promise<void> {
    await this.client.config('RESETSTAT');
  }
}

export function ownRedis(): OwnRedis {
  const own = new OwnRedis();
  beforeAll(async () => {
    own.server = await RedisServer.start();
    own.client = await connect(own.server);
  });
  afterAll(async () => {
    own.client.disconnect();
    await own.server[Symbol.asyncDispose]();
  });
  return own;
}
