import { describe, expect, it } from '@jest/globals';
import { definePolicy, type Strategy } from 'nestjs-sluice';
import { strategyContract } from 'nestjs-sluice/testing';
import { thrownProblem } from '../../support/config-error.js';
import { anchoredWindow } from '../../support/custom-strategy.js';
import { BROKEN_STRATEGIES, right } from './broken-strategies.js';
import { failuresOf } from './failures.js';

const casesFor = (strategy: Strategy) => strategyContract({ strategy, runs: 40, seed: 1 });

describe('the contract of strategies', () => {
  it('is kept by correct ones', async () => {
    expect(await failuresOf(casesFor(right))).toEqual([]);
    expect(await failuresOf(strategyContract({ strategy: anchoredWindow, traceless: false, runs: 60 }))).toEqual([]);
  });

  it.each(BROKEN_STRATEGIES)('catches one that $fault', async ({ strategy, breaks }) => {
    const failures = await failuresOf(casesFor(strategy));
    for (const promise of breaks) expect(failures).toContainEqual(expect.stringContaining(promise));
  });

  it('is kept by one that does not record, with records: false, if it returns the given state', async () => {
    const strategy: Strategy = {
      ...right,
      amend: (state, now, policy, at, from, to) => (to > from ? state : right.amend(state, now, policy, at, from, to)),
    };
    expect(await failuresOf(strategyContract({ strategy, records: false, runs: 40, seed: 1 }))).toEqual([]);
    expect(await failuresOf(strategyContract({ strategy: right, records: false, runs: 40, seed: 1 }))).toEqual([
      'returns the given state for a raised charge, so that a backend notices that it is not recorded',
    ]);
  });

  it('is not kept by one that hardly ever denies, because no waits were tested', async () => {
    const policy = () => definePolicy('p', { rate: '1000000/s', strategy: anchoredWindow });
    const cases = strategyContract({
      strategy: anchoredWindow,
      traceless: false,
      policy,
      runs: 20,
      denials: 5000,
      seed: 1,
    });
    const waits = cases.find(({ name }) => name.startsWith('has an exact wait'));
    await expect(waits?.run()).rejects.toThrow(/^only \d+ denials, expected 5000: give policies that deny more often$/);
  });

  it.each<readonly [options: object, message: string]>([
    [{}, 'strategyContract: strategy: expected an object with name, step and amend, got undefined'],
    [
      { strategy: anchoredWindow, runs: 0 },
      'strategyContract: runs: expected a whole number of at least 1, got 0 (number)',
    ],
    [
      { strategy: anchoredWindow, policy: 'p' },
      'strategyContract: policy: expected a function that returns a policy, got "p"',
    ],
    [
      { strategy: anchoredWindow, redis: {} },
      'strategyContract: redis is given, and the strategy "anchored-window" has no Lua twin to compare with. Add `lua` to the strategy, or leave `redis` out.',
    ],
    [
      { strategy: anchoredWindow, run: 1 },
      'strategyContract: there is no option "run". Did you mean "runs"? Known: strategy, policy, traceless, records, runs, denials, seed, redis.',
    ],
  ])('refuses %j', (options, message) => {
    expect(thrownProblem(() => Reflect.apply(strategyContract, undefined, [options]))).toBe(message);
  });
});
