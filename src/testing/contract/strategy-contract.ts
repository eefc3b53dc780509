import type { RedisClient } from '../../backends/redis/clients/redis-client.js';
import { assertKnownMembers, invalidArgument, ThrottleConfigError } from '../../core/errors.js';
import type { Policy } from '../../core/policy.js';
import { BUILT_IN_STRATEGIES } from '../../strategies/built-in-strategies.js';
import { definePolicy } from '../../strategies/define-policy.js';
import { checkStrategy, type Strategy } from '../../strategies/strategy.js';
import type { RandomSource } from './harness/random.js';
import { randomLimit, randomPeriodMs } from './harness/random-policies.js';
import { StrategyBench } from './harness/strategy-bench.js';
import { type ContractCase, Suite } from './harness/suite.js';
import { luaTwin } from './sections/strategies/lua-twin.js';
import { strategyDecisions } from './sections/strategies/strategy-decisions.js';
import { missingRecords, strategyRecords } from './sections/strategies/strategy-records.js';
import { strategyRefunds } from './sections/strategies/strategy-refunds.js';
import { strategyStates } from './sections/strategies/strategy-states.js';

/** Options of `strategyContract`. */
export interface StrategyContractOptions {
  /** The strategy, created with `defineStrategy`. */
  readonly strategy: Strategy;
  /** Returns a policy of the strategy. Default: random rates of 1 to 200 units in 1 ms to 30 days. */
  readonly policy?: (random: RandomSource) => Policy;
  /**
   * True if a fully refunded charge has no effect on later decisions. False if it still has one, for example if a
   * window begins with its first charge. Default: true.
   */
  readonly traceless?: boolean;
  /**
   * True if `amend` can raise charges, so that charges can be recorded, and settled above what was taken. If false,
   * `amend` must then return the given state, and a recorded charge is an error. Default: true.
   */
  readonly records?: boolean;
  /**
   * The number of random sequences of at most 40 calls per case, at least 1; three times as many for waits. Default:
   * 300.
   */
  readonly runs?: number;
  /**
   * The number of denials whose waits must have been tested, so that a strategy that rarely denies does not pass as
   * exact. Default: 10 times `runs`.
   */
  readonly denials?: number;
  /** Repeats the random cases of an earlier run, whose error contains its seed. Default: different cases each time. */
  readonly seed?: number;
  /**
   * A client of a Redis server for tests. With it, the strategy's Lua twin must give exactly the results of the
   * TypeScript. Default: not checked.
   */
  readonly redis?: RedisClient;
}

/**
 * Returns the cases of the contract that every strategy must pass, for any test runner: exact waits and remaining
 * units, denials that consume nothing, pure functions of whole numbers, clocks that step back, refunds that never
 * return more than was taken, and charges that are recorded above the limit.
 *
 * @throws ThrottleConfigError naming the invalid option
 * @example
 * for (const { name, run } of strategyContract({ strategy: coinFlip })) it(name, run);
 */
export function strategyContract(options: StrategyContractOptions): readonly ContractCase[] {
  assertOptions(options);
  const { strategy, redis, runs = 300, traceless = true, records = true, seed, denials = 10 * runs } = options;
  const { policy = (random: RandomSource) => randomPolicyOf(strategy, random) } = options;
  const bench = new StrategyBench(strategy, policy, runs, seed);
  const suite = new Suite<StrategyBench>(async (body) => await body(bench));
  strategyDecisions(suite, denials);
  strategyStates(suite);
  strategyRefunds(suite, traceless);
  if (records) strategyRecords(suite);
  else missingRecords(suite);
  if (redis !== undefined) luaTwin(suite, redis);
  return suite.cases;
}

function randomPolicyOf(strategy: Strategy, random: RandomSource): Policy {
  const rate = `${randomLimit(random, 200)}/${randomPeriodMs(random)}ms`;
  return definePolicy('p', { rate, strategy });
}

function assertOptions(options: StrategyContractOptions): void {
  const place = 'strategyContract';
  assertKnownMembers(place, options, [
    'strategy',
    'policy',
    'traceless',
    'records',
    'runs',
    'denials',
    'seed',
    'redis',
  ]);
  const { strategy, policy, runs = 1, redis } = options;
  checkStrategy(`${place}: strategy`, strategy);
  if (policy !== undefined && typeof policy !== 'function') {
    throw invalidArgument(`${place}: policy`, 'a function that returns a policy', policy);
  }
  if (!Number.isSafeInteger(runs) || runs < 1)
    throw invalidArgument(`${place}: runs`, 'a whole number of at least 1', runs);
  const isBuiltIn = BUILT_IN_STRATEGIES.some(({ name }) => name === strategy.name);
  if (redis !== undefined && strategy.lua === undefined && !isBuiltIn) {
    throw new ThrottleConfigError(
      'SLUICE_STRATEGY_WITHOUT_LUA',
      `${place}: redis is given, and the strategy "${strategy.name}" has no Lua twin to compare with. Add \`lua\` to the strategy, or leave \`redis\` out.`,
    );
  }
}
