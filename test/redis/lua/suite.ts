import { type StrategyName, strategies } from '../../parity/random-trace.js';
import { alikeCalls } from './alike-calls.js';
import { brokenCallers } from './broken-callers.js';
import { expiries } from './expiries.js';
import { garbageScenes } from './garbage.js';
import { leases } from './leases.js';
import { longStates } from './long-states.js';
import { ownStrategies } from './own-strategies.js';
import { randomScene } from './random-scenes.js';
import type { Scene } from './run.js';
import { settledLate } from './settled-late.js';

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
