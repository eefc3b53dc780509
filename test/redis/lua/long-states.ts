import { definePolicy } from '../../../src/index.js';
import { DECIDED, KEY, NOW, set, spend } from './pieces.js';
import type { Scene } from './run.js';

const log = definePolicy('p', { rate: '1000/s', strategy: 'sliding-log' });

/** One unit at each of so many instants, the last of them the one before `NOW`. */
const logOf = (entries: number) =>
  `sliding-log 1000 1 ${Array.from({ length: entries }, (_, i) => `${NOW - entries + i} ${i + 1}`).join(' ')}`;

/** A state is written in pieces: of less than one, of one, and of more. */
export const longStates: readonly Scene[] = [30, 31, 32, 63, 64, 150].map((entries) => ({
  name: `a log of ${entries} entries, and one more`,
  runs: [
    set(logOf(entries)),
    spend(
      [[[KEY, { ...log, limit: 100_000 }, 1]]],
      [DECIDED, 1, 100_000, 100_000 - (entries * (entries + 1)) / 2 - 1, 1000, 0, 0, 1000, 0],
      [`SET ${KEY} ${logOf(entries)} ${NOW} 1 PX 2000`],
    ),
  ],
}));
