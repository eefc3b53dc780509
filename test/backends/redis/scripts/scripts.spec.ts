import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connect, RedisServer } from '../../../support/redis/redis.js';
import { luaFiles } from './support/lua-files.js';
import { firstDifference } from './support/script-run.js';
import { load } from './support/scripts-under-test.js';
import { chosenCases, randomCases, strategies } from './support/suite.js';

/** `npm run test:mutants` shows that these cases fail if any token of the Lua is another. */
describe('the scripts, at chosen server times', () => {
  let server: RedisServer;
  let redis: Redis;
  let shas: Awaited<ReturnType<typeof load>>;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = await connect(server);
    shas = await load(redis, luaFiles);
  });

  afterAll(async () => {
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  it.each(chosenCases.map((one) => [one.name, one] as const))('reply and write as expected: %s', async (_name, one) => {
    expect(await firstDifference(redis, shas, one)).toBeNull();
  });

  it.each(strategies)('reply like memory, and write like the strategies, in random runs of %s', async (strategy) => {
    for (const one of randomCases(strategy)) expect(await firstDifference(redis, shas, one)).toBeNull();
  });
});
