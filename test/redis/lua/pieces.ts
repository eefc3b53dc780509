import { policyArgs, spendArgs } from '../../../src/backends/redis-wire.js';
import { definePolicy, type Policy } from '../../../src/index.js';
import type { Run } from './run.js';
import type { ScriptName } from './watched.js';

/** The server's time, and an instant that is the begin of a window of a second. */
export const NOW = 1_760_000_000_000;
const TIME_US = NOW * 1000 + 999;
export const DUE = String(NOW);
export const KEY = 'sluice:{ada}:p@app';
export const OTHER = 'sluice:{ada}:q@app';

export const window = definePolicy('p', { rate: '10/s', strategy: 'fixed-window' });

export const set = (text: string, key = KEY): Run => ({ command: ['SET', key, text] });
export const list = (key = KEY): Run => ({ command: ['RPUSH', key, 'something', 'else'] });
export const stored = (expected: unknown, key = KEY): Run => ({ command: ['GET', key], expected });

export type Asked = readonly [key: string, policy: Policy, cost: number];

/** A run of lua/spend.lua by the server's clock: what it answers after the two instants, and what it writes. */
export function spend(
  calls: readonly (readonly Asked[])[],
  reply: readonly (number | string)[],
  written: readonly string[],
  deadline = DUE,
): Run {
  const asked = calls.map((call) => ({
    charges: call.map(([, policy, cost]) => ({ policy, subject: '', cost })),
    deadline,
  }));
  const keys = calls.flatMap((call) => call.map(([key]) => key));
  return {
    script: 'spend',
    keys,
    args: spendArgs('', asked),
    timeUs: TIME_US,
    expected: { reply: [NOW, NOW, ...reply], written },
  };
}

export function settle(
  key: string,
  policy: Policy,
  [from, to]: readonly [number, number],
  written: readonly string[],
  at = NOW,
): Run {
  const args = ['', DUE, String(at), ...policyArgs(policy), String(from), String(to)];
  return { script: 'settle', keys: [key], args, timeUs: TIME_US, expected: { reply: [NOW, 1], written } };
}

export function fails(
  script: ScriptName,
  args: readonly string[],
  error: string,
  keys: readonly string[] = [KEY],
): Run {
  return { script, keys, args, timeUs: TIME_US, expected: { error } };
}

/** What a window of 10 a second, at its begin, answers to a charge that leaves so much. */
export const allowed = (remaining: number, leftBehind: string | 0 = 0) => [
  1,
  10,
  remaining,
  1000,
  0,
  0,
  1000,
  leftBehind,
];
export const DECIDED = 1;
export const GARBAGE = 3;
export const written = (used: number, key = KEY) => `SET ${key} fixed-window 1000 1 ${NOW} ${used} PX 2000`;
