import fc from 'fast-check';
import { BUILT_IN_STRATEGIES } from '../../src/strategies/built-in-strategies.js';
import { definePolicy } from '../../src/strategies/define-policy.js';
import { anchoredWindow } from '../backends/contract/custom-strategy.js';
import { policiesOf, STRATEGIES } from '../backends/contract/random-policies.js';
import { strategyContract } from './strategy-contract.js';

for (const name of STRATEGIES) {
  const strategy = BUILT_IN_STRATEGIES.find((builtin) => builtin.name === name);
  if (strategy === undefined) throw new Error(`there is no strategy ${name}`);
  strategyContract(name, strategy, policiesOf(name));
}

strategyContract(
  "anchored-window, a user's own",
  anchoredWindow,
  fc
    .record({ limit: fc.integer({ min: 1, max: 100 }), periodMs: fc.integer({ min: 1, max: 100_000 }) })
    .map(({ limit, periodMs }) => definePolicy('p', { rate: `${limit}/${periodMs}ms`, strategy: anchoredWindow })),
  { traceless: false },
);
