import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import { type StrategyName, strategies } from '../../../../parity/random-trace.js';
import type { Run, ScriptCase } from '../support/script-run.js';
import { RunRecorder } from './spend.js';

const START = 1_760_000_000_000;
const MOST = Number.MAX_SAFE_INTEGER;

/** Debts up to what can be counted: recorded one after the other, and settled upward, on states of several ages. */
function debtsOf(strategy: StrategyName): ScriptCase {
  const policy = definePolicy('p', {
    rate: '10/1s',
    strategy,
    ...(strategy === 'sliding-window' && { segments: 2 }),
    ...(strategy === 'gcra' && { burst: 10 }),
  });
  const recorder = new RunRecorder();
  const runs: Run[] = [];
  for (const [i, ms] of [0, 1, 499, 500, 999, 1000, 1001, 1500, 1999, 2000, -1, -999, -1000, -1001].entries()) {
    for (const [n, costs] of [[3], [MOST], [MOST - 5, 7], [6, MOST, 4], [11, 2]].entries()) {
      const subject = `user:${i}:${n}`;
      const at = (now: number) => ({ now, timeUs: START * 1000, isTold: true });
      const spend = (now: number, cost: number, mode?: 'record' | 'monitor') =>
        recorder.spend([{ charges: [{ policy, subject, cost, ...(mode && { mode }) }], deadline: START }], at(now));
      const taken = spend(START, 2);
      runs.push(taken.run, ...costs.map((cost) => spend(START + ms, cost, 'record').run));
      runs.push(spend(START + ms, 1).run, spend(START + ms, 1, 'monitor').run);
      const [receipt] = taken.receipts;
      if (receipt === undefined) throw new Error('nothing was taken');
      runs.push(recorder.settle(receipt, [[5, MOST, 3, 100, 0][n] ?? 0], START, at(START + ms)));
      runs.push(spend(START + ms, 0).run, spend(START + ms + 600, 0).run, spend(START + ms + 600, 4, 'record').run);
    }
  }
  recorder.close();
  return { name: `debts by ${strategy}`, runs };
}

export const debts: readonly ScriptCase[] = strategies.map(debtsOf);
