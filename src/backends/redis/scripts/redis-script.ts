import { createHash } from 'node:crypto';
import type { Strategy } from '../../../strategies/strategy.js';
import { isNoScript, type RedisClient } from '../clients/redis-client.js';
import { LEASE_LUA, POLICIES_LUA, SETTLE_LUA, SPEND_LUA, STATES_LUA, STRATEGIES_LUA } from './lua.generated.js';

/** A script, run by its hash; sent whole where the server does not know it. */
export class RedisScript {
  readonly #source: string;
  readonly #sha: string;

  constructor(source: string) {
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
}

/** The scripts, with the strategies of the user's own. */
export function buildScripts(own: readonly Strategy[]): Readonly<Record<'spend' | 'settle' | 'lease', RedisScript>> {
  const parts = [
    POLICIES_LUA,
    ...STRATEGIES_LUA.map(({ names, lua }) => definitionOf(names, lua)),
    ...own.map(({ name, lua = '' }) => definitionOf([name], `strategies['${name}'] = (function()\n${lua}\nend)()`)),
    STATES_LUA,
  ];
  return {
    spend: new RedisScript([...parts, SPEND_LUA].join('\n')),
    settle: new RedisScript([...parts, SETTLE_LUA].join('\n')),
    lease: new RedisScript([...parts, LEASE_LUA].join('\n')),
  };
}

/** Lua that defines strategies where a policy has need of one of them: a run seldom needs more than one or two. */
export function definitionOf(names: readonly string[], lua: string): string {
  const [first, ...others] = names.map((name) => `definitions['${name}']`);
  return [`${first} = function()\n${lua}\nend`, ...others.map((other) => `${other} = ${first}`)].join('\n');
}
