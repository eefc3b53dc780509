import { ThrottleConfigError } from '../../../core/errors.js';
import type { Policy } from '../../../core/policy.js';
import { BUILT_IN_STRATEGIES } from '../../../strategies/built-in-strategies.js';
import type { Strategy } from '../../../strategies/strategy.js';
import { LEASE_LUA, POLICIES_LUA, SETTLE_LUA, SPEND_LUA, STATES_LUA, STRATEGIES_LUA } from './lua.generated.js';
import { RedisScript } from './redis-script.js';

/** The scripts of a store, each with the Lua of all strategies that the store knows. */
export class ScriptSet {
  readonly #known = new Set(BUILT_IN_STRATEGIES.map(({ name }) => name));
  readonly #custom = new Map<string, Strategy>();
  #scripts = buildScripts([]);

  get spend(): RedisScript {
    return this.#scripts.spend;
  }

  get settle(): RedisScript {
    return this.#scripts.settle;
  }

  get lease(): RedisScript {
    return this.#scripts.lease;
  }

  /** Returns true if the scripts have the policy's strategy. A batch with an unknown one fails, and all its calls with it. */
  knows({ strategy }: Policy): boolean {
    return this.#known.has(strategy);
  }

  /**
   * Adds custom strategies to all scripts.
   *
   * @throws ThrottleConfigError for a strategy without Lua, or with the name of another one
   */
  use(strategies: readonly Strategy[]): void {
    const withoutLua = strategies.find(({ lua }) => lua === undefined);
    if (withoutLua !== undefined) {
      throw new ThrottleConfigError(
        `RedisBackend: the strategy "${withoutLua.name}" has no Lua twin, and Redis runs strategies where the state is. Give defineStrategy a \`lua\`.`,
      );
    }
    for (const strategy of strategies) {
      if ((this.#custom.get(strategy.name) ?? strategy) !== strategy) {
        throw new ThrottleConfigError(
          `RedisBackend: there is a strategy "${strategy.name}" already. Give yours another name.`,
        );
      }
      this.#custom.set(strategy.name, strategy);
      this.#known.add(strategy.name);
    }
    this.#scripts = buildScripts([...this.#custom.values()]);
  }
}

function buildScripts(custom: readonly Strategy[]): Readonly<Record<'spend' | 'settle' | 'lease', RedisScript>> {
  const parts = [
    POLICIES_LUA,
    ...STRATEGIES_LUA.map(({ names, lua }) => definitionOf(names, lua)),
    ...custom.map(({ name, lua = '' }) => definitionOf([name], `strategies['${name}'] = (function()\n${lua}\nend)()`)),
    STATES_LUA,
  ];
  return {
    spend: new RedisScript([...parts, SPEND_LUA].join('\n')),
    settle: new RedisScript([...parts, SETTLE_LUA].join('\n')),
    lease: new RedisScript([...parts, LEASE_LUA].join('\n')),
  };
}

/** Returns Lua that defines strategies when a policy first needs one: a run seldom needs more than one or two. */
export function definitionOf(names: readonly string[], lua: string): string {
  const [first, ...others] = names.map((name) => `definitions['${name}']`);
  return [`${first} = function()\n${lua}\nend`, ...others.map((other) => `${other} = ${first}`)].join('\n');
}
