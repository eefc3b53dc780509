import { writeArgs } from '../../../../../src/backends/redis/scripts/write-codec.js';
import { KEY, NOW, OTHER, TIME_US } from '../support/arguments.js';
import type { Run, ScriptCase } from '../support/script-run.js';

const DONE = 1;
const LATE = 2;

const run = (
  keys: readonly string[],
  args: readonly string[],
  reply: number,
  written: readonly string[] = [],
): Run => ({
  script: 'write',
  keys,
  args,
  timeUs: TIME_US,
  expected: { reply: [NOW, reply], written },
});

/** Commands that write until their deadline, and not after it. */
export const writes: readonly ScriptCase[] = [
  {
    name: 'a command with a deadline',
    runs: [
      run([KEY], writeArgs('', NOW, 'HSET', ['a', 1, 'b', 2]), DONE, [`HSET ${KEY} a 1 b 2`]),
      run([KEY], writeArgs(String(NOW + 5000), NOW + 1, 'HDEL', ['a']), DONE, [`HDEL ${KEY} a`]),
      run([KEY], writeArgs('', NOW - 1, 'HDEL', ['b']), LATE),
      run([KEY], writeArgs(String(NOW - 5000), NOW - 1, 'HDEL', ['b']), LATE),
      { command: ['HGETALL', KEY], expected: ['b', '2'] },
      run([KEY, OTHER], writeArgs('', NOW, 'DEL', []), DONE, [`DEL ${KEY} ${OTHER}`]),
      { command: ['EXISTS', KEY], expected: 0 },
    ],
  },
  {
    name: 'a command whose deadline is no number',
    runs: ['x', '-1', '1.5', ''].map((deadline) => ({
      script: 'write',
      keys: [KEY],
      args: ['', deadline, 'DEL'],
      timeUs: TIME_US,
      expected: { error: `sluice: expected a whole number, got ${deadline}` },
    })),
  },
];
