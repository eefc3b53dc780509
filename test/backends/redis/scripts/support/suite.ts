import { type StrategyName, strategies } from '../../../../parity/random-trace.js';
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

/** Random scenes a strategy, and runs a scene. */
const SCENES = 60;
const RUNS = 60;

/** What random traffic does not come to. */
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

/** The same ones in every run. */
export function* randomScenes(strategy: StrategyName): Generator<Scene> {
  for (let seed = 0; seed < SCENES; seed++) yield randomScene(strategy, seed, RUNS);
}
