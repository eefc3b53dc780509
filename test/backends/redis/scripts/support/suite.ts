import { type StrategyName, strategies } from '../../../../parity/random-trace.js';
import { scaled } from '../../../../support/scale.js';
import { ownStrategies } from '../cases/custom-strategies.js';
import { alikeCalls } from '../cases/equal-calls.js';
import { expiries } from '../cases/expiry.js';
import { garbageScenes } from '../cases/foreign-values.js';
import { brokenCallers } from '../cases/invalid-arguments.js';
import { settledLate } from '../cases/late-settlement.js';
import { leases } from '../cases/lease.js';
import { longStates } from '../cases/long-states.js';
import { randomScene } from '../cases/random-cases.js';
import type { Scene } from './script-run.js';

export { strategies };

/** Random scenes per strategy, and runs per scene. */
const SCENES = scaled(20, 60);
const RUNS = 60;

/** Cases that random traffic does not reach. */
export const chosenScenes: readonly Scene[] = [
  ...garbageScenes,
  ...brokenCallers,
  ...ownStrategies,
  ...alikeCalls,
  ...expiries,
  ...longStates,
  ...settledLate,
  ...leases,
];

/** Returns the random scenes of a strategy: the same ones in every run, and with few the first of them. */
export function* randomScenes(strategy: StrategyName): Generator<Scene> {
  for (let seed = 0; seed < SCENES; seed++) yield randomScene(strategy, seed, RUNS);
}
