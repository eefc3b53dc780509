import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import { MAX_COUNT } from '../../../../../src/strategies/strategy.js';
import { type StrategyName, strategies } from '../../../../parity/random-trace.js';
import { DUE, KEY, NOW, put, settle, spend } from '../support/arguments.js';
import type { Run, ScriptCase } from '../support/script-run.js';
import { RunRecorder } from './spend.js';

const START = 1_760_000_000_000;
const PERIOD_MS = 1000;
const SPAN_MS = 500;
const MOST = Number.MAX_SAFE_INTEGER;

/** How far before the charge that is settled the state is that it is settled on. */
const BEFORE = [2 * SPAN_MS, SPAN_MS + 1, SPAN_MS, SPAN_MS - 1, 1, 0, -1, -SPAN_MS, -2 * SPAN_MS];

function policyOf(strategy: StrategyName): Policy {
  return definePolicy('p', {
    rate: `10/${PERIOD_MS}ms`,
    strategy,
    ...(strategy === 'sliding-window' && { segments: 2 }),
  });
}

/** A charge; then the clock steps back, and all that it wrote is left behind; on what came since it is settled. */
function afterStep(strategy: StrategyName): ScriptCase {
  const policy = policyOf(strategy);
  const recorder = new RunRecorder();
  const runs: Run[] = BEFORE.flatMap((ms, i) => {
    const subject = `user:${i}`;
    const at = (now: number) => ({ now, timeUs: START * 1000, isTold: true });
    const call = [{ charges: [{ policy, subject, cost: 1 }], deadline: START }];
    const first = recorder.spend(call, at(START));
    const others = [START - 4 * PERIOD_MS, START - ms].map((now) => recorder.spend(call, at(now)).run);
    const [receipt] = first.receipts;
    if (receipt === undefined) throw new Error('nothing was taken');
    const given = recorder.settle(receipt, [0], START, at(START - ms));
    return [first.run, ...others, given, recorder.spend(call, at(START - ms)).run];
  });
  recorder.close();
  return { name: `a charge by ${strategy} that is settled after the clock has stepped back`, runs };
}

/** Two charges by a clock that is far ahead of the server's: at the second one the key would expire too soon. */
function farAhead(strategy: StrategyName): ScriptCase {
  const policy = policyOf(strategy);
  const recorder = new RunRecorder();
  const runs = [0, 2_000_000].flatMap((ms) => {
    const at = { now: START + 10_000_000 + ms / 10_000, timeUs: (START + ms) * 1000, isTold: true };
    const calls = [{ charges: [{ policy, subject: 'ada', cost: 1 }], deadline: START + ms }];
    return [recorder.spend(calls, at).run, recorder.spendOne(policy.strategy, calls, at).run];
  });
  recorder.close();
  return { name: `charges by ${strategy} by a clock that is hours ahead`, runs };
}

/** Charges by a policy whose burst is another number than its limit, which counts for nothing. */
const otherBursts = (['fixed-window', 'sliding-window', 'sliding-log'] as const).map((strategy): ScriptCase => {
  const recorder = new RunRecorder();
  const at = { now: START, timeUs: START * 1000, isTold: true };
  const runs = [1, 20].flatMap((burst) => {
    const policy = { ...policyOf(strategy), burst };
    return [4, 11].flatMap((cost) => {
      const calls = [{ charges: [{ policy, subject: `user:${burst}`, cost }], deadline: START }];
      return [recorder.spend(calls, at).run, recorder.spendOne(policy.strategy, calls, at).run];
    });
  });
  recorder.close();
  return { name: `charges by ${strategy} whatever the burst is`, runs };
});

const log = policyOf('sliding-log');
const bucket = policyOf('leaky-bucket');

/** Its segments do not begin at START. */
const odd = definePolicy('p', { rate: '2000/1400ms', strategy: 'sliding-window', segments: 2 });
const wide = definePolicy('p', { rate: `2000/${PERIOD_MS}ms`, strategy: 'sliding-window', segments: 2 });

/** States and charges of a clock that has stepped back since, and charges that are gone. */
export const clockSteps: readonly ScriptCase[] = [
  ...strategies.map(afterStep),
  ...strategies.map(farAhead),
  ...otherBursts,
  {
    name: 'a bucket that has been given all back, as of an instant that the clock has not come to again: nothing is ahead',
    runs: [
      put([0, NOW + 500], { letter: 'b' }),
      spend([[[KEY, bucket, 1]]], [10, 1000, 1, 9, 600], [`SET ${KEY} S2b ${NOW + 2000} 1000 ${NOW + 500} PX 2000`]),
    ],
  },
  {
    name: 'a charge of a log that is gone, of an instant that looks like units',
    runs: [put([1, 2, 7, 3], { letter: 'l' }), settle(KEY, log, [1, 0], [], 2), settle(KEY, log, [1, 0], [], 3)],
  },
  {
    name: 'a log whose newest entry is after now: by that one the others leave, the first of them or two',
    runs: [[], [START - 1100, 1]].flatMap((first) => [
      put([...first, START - 600, 3, START + 500, 2], { letter: 'l' }),
      spend([[[KEY, log, 0]]], [10, PERIOD_MS, 1, 8, 1500], []),
      spend([[[KEY, log, 9]]], [10, PERIOD_MS, 2, 8, 1500, 1500], []),
    ]),
  },
  {
    name: 'a log that is settled up: after its newest entry, before its first one that counts, and too late by its newest entry',
    runs: [
      put([START - 500, 1], { letter: 'l' }),
      settle(
        KEY,
        log,
        [1, 3],
        [`SET ${KEY} S2l ${START + 2250} ${START - 500} 1 ${START - 200} 2 PX 2250`],
        START - 200,
      ),
      put([START - 1500, 4, START - 100, 1], { letter: 'l' }),
      settle(
        KEY,
        log,
        [1, 3],
        [`SET ${KEY} S2l ${START + 2375} ${START - 200} 2 ${START - 100} 1 PX 2375`],
        START - 200,
      ),
      put([START + 500, 2], { letter: 'l' }),
      settle(KEY, log, [1, 2], [], START - 1200),
    ],
  },
  {
    name: 'a log that is settled up to more than can be counted, at an entry and between two',
    runs: [
      put([START - 200, 4, START - 100, 1], { letter: 'l' }),
      settle(
        KEY,
        log,
        [1, MOST],
        [`SET ${KEY} S2l ${START + 2375} ${START - 200} ${MAX_COUNT - 1} ${START - 100} 1 PX 2375`],
        START - 200,
      ),
      put([START - 200, 4, START - 100, 1], { letter: 'l' }),
      settle(
        KEY,
        log,
        [1, MOST],
        [`SET ${KEY} S2l ${START + 2375} ${START - 200} 4 ${START - 150} ${MAX_COUNT - 5} ${START - 100} 1 PX 2375`],
        START - 150,
      ),
    ],
  },
  {
    name: 'a log that is settled down keeps its expiry, however soon that is',
    runs: [
      put([START - 200, 1, START - 100, 4], { letter: 'l' }),
      settle(KEY, log, [3, 1], [`SET ${KEY} S2l 0 ${START - 200} 1 ${START - 100} 2 KEEPTTL`], START - 100),
    ],
  },
  {
    name: 'a log that is settled up between instants that are numbers as small as costs',
    runs: [
      put([1, 1, 3, 1, 5, 1], { letter: 'l' }),
      {
        script: 'settle',
        keys: [KEY],
        args: ['5', DUE, '2', ...policyArgs(log), '1', '2'],
        timeUs: START * 1000,
        expected: { reply: [START, 1], written: [`SET ${KEY} S2l ${START + 4_501_250} 1 1 2 1 3 1 5 1 PX 4501250`] },
      },
    ],
  },
  {
    name: 'a sliding window that begins after now: nothing of its oldest segment has left, in which are more units than milliseconds',
    runs: [
      put([START / SPAN_MS + 1, 0, 0, 600], { letter: 'w' }),
      spend([[[KEY, wide, 0]]], [2000, PERIOD_MS, 1, 1400, PERIOD_MS], []),
    ],
  },
  {
    name: 'a sliding window whose next segment is the newest: it counts as at the begin of that, not as far into it as now is into its own',
    runs: [
      put([Math.ceil(START / 700), 0, 0, 600], { letter: 'w' }),
      spend([[[KEY, odd, 0]]], [2000, 1400, 1, 1400, 1200], []),
    ],
  },
  {
    name: 'a sliding window of more units in its oldest segment than the limit is now, few of which still count',
    runs: [
      put([Math.floor(START / 700), 0, 0, 12], { letter: 'w' }),
      spend(
        [[[KEY, { ...odd, limit: 10 }, 1]]],
        [10, 1400, 1, 0, 1900],
        [`SET ${KEY} S2w ${START + 3625} ${Math.floor(START / 700)} 1 0 12 PX 3625`],
      ),
    ],
  },
];
