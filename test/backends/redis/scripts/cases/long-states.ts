import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import { KEY, NOW, put, settle, spend, spendArgs, stored } from '../support/arguments.js';
import type { ScriptCase } from '../support/script-run.js';

const log: Policy = { ...definePolicy('p', { rate: '1000/s', strategy: 'sliding-log' }), limit: 1_000_000_000 };

/** A few units at each of so many instants, the last of them the one before `NOW`. */
const logOf = (entries: number) => Array.from({ length: entries }, (_, i) => [NOW - entries + i, 1 + (i % 300)]).flat();

/** The log begins within the period for any number of entries. */
const within = (entries: number): Policy => ({ ...log, periodMs: 1000 * Math.ceil((entries + 1) / 1000) });

/** A log of so many entries, and one more, with a refund of one of its charges. */
function grown(entries: number): ScriptCase {
  const numbers = logOf(entries);
  const used = numbers.reduce((sum, count, i) => (i % 2 === 1 ? sum + count : sum), 0);
  const policy = within(entries);
  const { periodMs } = policy;
  const ttlMs = Math.ceil((periodMs + 1000) * 1.25);
  const after = ['S2l', NOW + ttlMs, ...numbers, NOW, 1].join(' ');
  return {
    name: `a log of ${entries} entries, and one more`,
    runs: [
      put(numbers, { letter: 'l' }),
      spend(
        [[[KEY, policy, 1]]],
        [log.limit, periodMs, 1, log.limit - used - 1, periodMs],
        [`SET ${KEY} ${after} PX ${ttlMs}`],
      ),
      stored(after),
      settle(KEY, policy, [1, 0], [`SET ${KEY} ${['S2l', NOW + ttlMs, ...numbers].join(' ')} KEEPTTL`]),
    ],
  };
}

/**
 * A log of about as many entries as it has at most, settled up: by one entry more, or by a newest entry that is later. Some of its
 * first entries have expired.
 */
function settledUp(entries: number, gone: number): ScriptCase {
  const numbers = logOf(entries);
  const policy: Policy = { ...log, periodMs: entries + 1 - gone };
  const ttlMs = Math.ceil((policy.periodMs + 1000) * 1.25);
  const live = numbers.slice(2 * gone);
  const after = entries - gone < 10_000 ? [...live, NOW, 1] : [...live.slice(0, -2), NOW, (live.at(-1) ?? 0) + 1];
  return {
    name: `a log of ${entries} entries, ${gone} of which have left, settled up`,
    runs: [
      put(numbers, { letter: 'l' }),
      settle(KEY, policy, [1, 2], [`SET ${KEY} S2l ${NOW + ttlMs} ${after.join(' ')} PX ${ttlMs}`]),
    ],
  };
}

const MOST_ENTRIES = logOf(10_000);
const [oldest = 0, units = 0, ...others] = MOST_ENTRIES;

const joined: ScriptCase = {
  name: 'a log of as many entries as it has at most, settled up before its first one, which that joins',
  runs: [
    put(MOST_ENTRIES, { letter: 'l' }),
    settle(
      KEY,
      within(10_000),
      [1, 2],
      [`SET ${KEY} S2l ${NOW + 14_999} ${[oldest, units + 1, ...others].join(' ')} PX 14999`],
      oldest - 5,
    ),
  ],
};

const AHEAD = NOW + 10_000_000;

/** A charge on a log of 80 entries that count and some that have left, each of one unit, by a clock at `now`. */
function lateWrite(now: number, expiresMs: number, marginMs: number, gone = 0): ScriptCase {
  const left = Array.from({ length: gone }, (_, i) => [now - 1000 - gone + i, 1]).flat();
  const numbers = Array.from({ length: 80 }, (_, i) => [now - 80 + i, 1]).flat();
  const ttlMs = Math.ceil((1000 + marginMs) * 1.25);
  return {
    name: `a charge on a long log of which ${gone} entries have left, ${now - NOW} ms ahead, whose key expires ${expiresMs - NOW} ms from now, too soon`,
    runs: [
      put([...left, ...numbers], { letter: 'l', expiresMs }),
      {
        script: 'spend',
        keys: [KEY],
        args: [now === NOW ? '' : String(now), ...spendArgs([[[KEY, log, 1]]]).slice(1)],
        timeUs: NOW * 1000,
        expected: {
          reply: [NOW, now, log.limit, 1000, 1, log.limit - 81, 1000],
          written: [`SET ${KEY} S2l ${NOW + ttlMs} ${numbers.join(' ')} ${now} 1 PX ${ttlMs}`],
        },
      },
    ],
  };
}

const lateWrites = [
  lateWrite(AHEAD, NOW + 5, 3_600_000),
  lateWrite(NOW, NOW + 1999, 1000),
  lateWrite(NOW, NOW + 1999, 1000, 20),
];

/** Numbers that are not paired: as many as make pieces full, and one less and more, with what stands before them. */
function listed(count: number): ScriptCase {
  const numbers = Array.from({ length: count }, (_, i) => i * 7);
  const policy: Policy = { ...log, strategy: 'plain', burst: 2, limit: 10, segments: 1 };
  return {
    name: `a state of ${count} numbers of a strategy of a user's own`,
    runs: [
      put(numbers, { letter: 'x' }),
      spend([[[KEY, policy, 0]]], [10, 1, 3, 1, 10, 0, 0, 0, count, 1], []),
      spend([[[KEY, policy, 7]]], [10, 1, 3, 1, 10, 7, 0, 0, count, 1], [`SET ${KEY} S2x ${NOW + 1250} 7 PX 1250`]),
      put(numbers, { letter: 'x' }),
      settle(KEY, { ...policy, strategy: 'varied' }, [1, 0], [`SET ${KEY} S2x 0 ${numbers.join(' ')} KEEPTTL`]),
    ],
  };
}

/**
 * A state is read at once up to so many bytes, and written at once up to so many numbers, in pieces beyond: of one piece, of
 * one and a little more, of two; and of more values than Lua's stack would hold.
 */
export const longStates: readonly ScriptCase[] = [
  ...[30, 80, 85, 90, 95, 100, 498, 499, 500, 501, 999, 1000, 1500, 4500].map(grown),
  joined,
  ...lateWrites,
  settledUp(9999, 0),
  settledUp(9999, 7),
  settledUp(10_000, 0),
  ...[996, 997, 998, 999, 1000, 1001, 1002, 1998, 1999].map(listed),
];
