import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connect, RedisServer } from '../../../support/redis/redis.js';
import { luaFiles } from './support/lua-files.js';
import { firstDifference } from './support/script-run.js';
import { load } from './support/scripts-under-test.js';
import { chosenScenes, randomScenes, strategies } from './support/suite.js';

jest.setTimeout(60_000);

/** `node scripts/lua-mutants.mjs` shows that these notice it when any token of the Lua is another. */
describe('the scripts, with the server time of our choice', () => {
  let server: RedisServer;
  let redis: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = await connect(server);
  });

  afterAll(async () => {
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  it.each(chosenScenes.map((scene) => [scene.name, scene] as const))(
    'do what they must with %s',
    async (_name, scene) => {
      expect(await firstDifference(redis, await load(redis, luaFiles), scene)).toBeNull();
    },
  );

  it.each(strategies)(
    'answer as memory does, and write as the strategies tell, in random runs of %s',
    async (strategy) => {
      const shas = await load(redis, luaFiles);
      for (const scene of randomScenes(strategy)) expect(await firstDifference(redis, shas, scene)).toBeNull();
    },
  );
});
