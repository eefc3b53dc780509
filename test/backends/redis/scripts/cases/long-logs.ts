import type { Receipt } from '../../../../../src/core/decision.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import { randomFrom } from '../../../../parity/random-trace.js';
import type { Run, ScriptCase } from '../support/script-run.js';
import { RunRecorder } from './spend.js';

const START = 1_760_000_000_000;
const plain = definePolicy('p', { rate: '400/1000ms', strategy: 'sliding-log' });
const withBlock = definePolicy('p', { rate: '400/1000ms', strategy: 'sliding-log', block: true });

/** A log of some hundred entries: charged, denied at every length of wait, and settled up and down at every place. */
function longLog(seed: number, stepMs: number, policy = plain): ScriptCase {
  const random = randomFrom(seed);
  const recorder = new RunRecorder();
  const runs: Run[] = [];
  const receipts: Receipt[] = [];
  let now = START;
  const at = () => ({ now, timeUs: START * 1000, isTold: true });
  const spend = (cost: number, mode?: 'record') => {
    const charges = [{ policy, subject: 'ada', cost, ...(mode && { mode }) }];
    const isOne = mode === undefined && policy.block === undefined && random(2) === 0;
    const calls = [{ charges, deadline: START }];
    const spent = isOne ? recorder.spendOne(policy.strategy, calls, at()) : recorder.spend(calls, at());
    runs.push(spent.run);
    receipts.push(...spent.receipts);
  };
  for (let i = 0; i < 260; i++) {
    now += random(8) === 0 ? 0 : 1 + random(stepMs);
    spend(1 + random(2));
    // More than there is: the wait is until one of all the entries leaves.
    const { remaining = 0 } = recorder.standing(policy, 'ada', now) ?? {};
    if (i % 4 === 3 && remaining < policy.limit) spend(remaining + 1 + random(policy.limit - remaining));
    if (i % 5 === 4) {
      const [receipt] = receipts.splice(random(receipts.length), 1);
      const cost = receipt?.charges[0]?.cost ?? 0;
      if (receipt !== undefined) {
        runs.push(
          recorder.settle(receipt, [[0, Math.max(0, cost - 1), cost + 1, cost + 5][random(4)] ?? 0], START, at()),
        );
      }
    }
    if (i % 40 === 39) spend(3, 'record');
    if (i > 120 && i % 10 === 9)
      runs.push(recorder.credit({ policy, subject: 'ada', cost: 1 + random(4) }, START, at()));
    if (i % 50 === 49) now -= random(400);
    if (i === 200) now += 600;
  }
  // Entries of instants between others: charges that were taken back entirely, and are taken again.
  for (const receipt of receipts.splice(0, 40)) {
    const { at: instant, charges } = receipt;
    runs.push(recorder.settle(receipt, [random(2) === 0 ? 0 : 7], START, at()));
    if (charges.length === 0 || instant > now) continue;
    spend(random(300));
  }
  recorder.close();
  const behind = policy.block === undefined ? '' : ' behind a record';
  return { name: `a long log${behind}, steps of ${stepMs} ms, seed ${seed}`, runs };
}

export const longLogs: readonly ScriptCase[] = [2, 3, 5, 9].flatMap((stepMs) => [
  ...[1, 2].map((seed) => longLog(seed, stepMs)),
  longLog(1, stepMs, withBlock),
]);
