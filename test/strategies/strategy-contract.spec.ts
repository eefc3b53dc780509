import { builtInStrategy, randomPolicy, STRATEGIES } from '../../src/testing/contract/harness/random-policies.js';
import { type RandomSource, strategyContract } from '../../src/testing/index.js';
import { runCases } from '../support/contract-cases.js';
import { anchoredWindow } from '../support/custom-strategy.js';
import { scaled } from '../support/scale.js';

const runs = scaled(60, 1000);

for (const name of STRATEGIES) {
  const policy = (random: RandomSource) => randomPolicy(random, name);
  runCases(`the strategy ${name}`, strategyContract({ strategy: builtInStrategy(name), policy, runs }));
}

runCases(
  "the strategy anchored-window, a user's own",
  strategyContract({ strategy: anchoredWindow, traceless: false, runs }),
);
