import { ThrottleConfigError } from '../../../core/errors.js';
import type { Policy } from '../../../core/policy.js';
import { BUILT_IN_STRATEGIES } from '../../../strategies/built-in-strategies.js';
import { argumentCountOf, type Strategy } from '../../../strategies/strategy.js';
import {
  BLOCK_LUA,
  HOLD_LUA,
  LEASE_LUA,
  POLICIES_LUA,
  SETTLE_LUA,
  SPEND_LUA,
  SPEND_ONE_LUA,
  SPEND_SEVERAL_LUA,
  TAKE_LUA,
  WRITE_LUA,
} from './lua.generated.js';
import { RedisScript } from './redis-script.js';

/** The scripts for calls of one charge each by policies of one strategy, by its name. */
const SPEND_ONE: ReadonlyMap<string, RedisScript> = new Map(
  Object.entries(SPEND_ONE_LUA).map(([strategy, lua]) => [strategy, new RedisScript(lua)]),
);

/** The script for calls of several charges each by policies of these strategies. */
const SPEND_SEVERAL = new RedisScript(SPEND_SEVERAL_LUA);

/** The scripts of a store, each with the Lua of all strategies that the store knows. */
export class ScriptSet {
  /** By name: how many arguments the charges of each strategy have. */
  readonly #known = new Map(BUILT_IN_STRATEGIES.map((strategy) => [strategy.name, argumentCountOf(strategy)]));
  readonly #custom = new Map<string, Strategy>();
  #scripts = buildScripts([]);

  get spend(): RedisScript {
    return this.#scripts.spend;
  }

  /**
   * Returns the script for calls of one charge by this policy and others of its strategy; undefined for a custom
   * strategy, and with blocks.
   */
  spendOne({ strategy, block }: Policy): RedisScript | undefined {
    return block === undefined ? SPEND_ONE.get(strategy) : undefined;
  }

  /** The script for calls of several charges each, all by policies that `spendOne` has a script for. */
  get spendSeveral(): RedisScript {
    return SPEND_SEVERAL;
  }

  get settle(): RedisScript {
    return this.#scripts.settle;
  }

  /** Blocks a subject, or ends its block. */
  readonly block = new RedisScript([POLICIES_LUA, BLOCK_LUA].join('\n'));

  /** Runs a command that writes, unless it is late. */
  readonly write = new RedisScript([POLICIES_LUA, WRITE_LUA].join('\n'));

  get lease(): RedisScript {
    return this.#scripts.lease;
  }

  /** Takes holds together with charges. */
  get take(): RedisScript {
    return this.#scripts.take;
  }

  /** Extends, grows and ends holds. */
  get hold(): RedisScript {
    return this.#scripts.hold;
  }

  /**
   * Returns true if the scripts have the policy's strategy. A batch with an unknown one fails, and all its calls with
   * it.
   */
  knows({ strategy }: Policy): boolean {
    return this.#known.has(strategy);
  }

  /** Returns how many arguments the charges of a policy have. */
  argumentCount({ strategy }: Policy): number {
    return this.#known.get(strategy) ?? 0;
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
        'SLUICE_STRATEGY_WITHOUT_LUA',
        `RedisBackend: the strategy "${withoutLua.name}" has no Lua twin, and Redis runs strategies where the state is. Give defineStrategy a \`lua\`.`,
      );
    }
    for (const strategy of strategies) {
      if ((this.#custom.get(strategy.name) ?? strategy) !== strategy) {
        throw new ThrottleConfigError(
          'SLUICE_DUPLICATE_STRATEGY',
          `RedisBackend: a strategy named "${strategy.name}" already exists. Rename yours.`,
        );
      }
      this.#custom.set(strategy.name, strategy);
      this.#known.set(strategy.name, argumentCountOf(strategy));
    }
    this.#scripts = buildScripts([...this.#custom.values()]);
  }
}

function buildScripts(
  custom: readonly Strategy[],
): Readonly<Record<'spend' | 'settle' | 'lease' | 'take' | 'hold', RedisScript>> {
  const ofUsers = custom.map(({ name, lua = '' }) => definitionOf(name, lua));
  const parts = [POLICIES_LUA, ...ofUsers];
  const last = countLines(parts.join('\n'));
  const userLines = ofUsers.length === 0 ? undefined : ([countLines(POLICIES_LUA) + 1, last] as const);
  const scriptOf = (lua: string) => new RedisScript([...parts, lua].join('\n'), userLines);
  return {
    spend: scriptOf(SPEND_LUA),
    settle: scriptOf(SETTLE_LUA),
    lease: scriptOf(LEASE_LUA),
    take: scriptOf(TAKE_LUA),
    hold: new RedisScript([POLICIES_LUA, HOLD_LUA].join('\n')),
  };
}

function countLines(text: string): number {
  return text.split('\n').length;
}

/** Returns Lua that defines a custom strategy when a policy first names it: a run seldom needs more than one. */
export function definitionOf(name: string, lua: string): string {
  return `definitions['${name}'] = function()\nstrategies['${name}'] = (function()\n${lua}\nend)()\nend`;
}
