import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import {
  SpendOneRequest,
  SpendRequest,
  SpendSeveralRequest,
} from '../../../../../src/backends/redis/scripts/spend-codec.js';
import type { BatchedCall } from '../../../../../src/backends/redis/scripts/spend-reply.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import type { Run } from './script-run.js';
import type { ScriptName } from './scripts-under-test.js';
import { PUT_LUA, STORED_LUA } from './state-decoder.js';

/** The server's time, and an instant that is the begin of a window of a second. */
export const NOW = 1_760_000_000_000;
export const TIME_US = NOW * 1000 + 999;
export const DUE = String(NOW);
export const KEY = 'sluice:{ada}:p@app:f1000';
export const OTHER = 'sluice:{ada}:q@app:f1000';

export const window = definePolicy('p', { rate: '10/s', strategy: 'fixed-window' });

/** A state under a key, that expires too soon for all that is written after it unless said otherwise. */
export const put = (
  numbers: readonly number[],
  { key = KEY, expiresMs = 0, letter = 'f' }: { key?: string; expiresMs?: number; letter?: string } = {},
): Run => ({ command: ['EVAL', PUT_LUA, '1', key, letter, ...[expiresMs, ...numbers].map(String)] });

/** A text under a key, as Lua makes it. */
export const set = (lua: string, key = KEY): Run => ({
  command: ['EVAL', `redis.call('SET', KEYS[1], ${lua})`, '1', key],
});
export const list = (key = KEY): Run => ({ command: ['RPUSH', key, 'something', 'else'] });

/** The state under a key: its marker, when it expires, its numbers; or none. */
export const stored = (expected: string | null, key = KEY): Run => ({
  command: ['EVAL', STORED_LUA, '1', key],
  expected,
});

/** That a text as Lua makes it is still under a key, to the byte. */
export const holds = (lua: string, key = KEY): Run => ({
  command: ['EVAL', `return redis.call('GET', KEYS[1]) == (${lua})`, '1', key],
  expected: 1,
});

export type Asked = readonly [key: string, policy: Policy, cost: number];

/** The arguments of calls that have until a deadline. */
export function spendArgs(calls: readonly (readonly Asked[])[], deadline = DUE): readonly string[] {
  const asked = calls.map(
    (call): BatchedCall => ({
      charges: call.map(([, policy, cost]) => ({ policy, subject: '', cost })),
      mode: deadline === 'peek' ? 'peek' : 'spend',
      deadlineMs: Number(deadline),
    }),
  );
  return new SpendRequest('', asked).args;
}

/** A run of lua/scripts/spend.lua by the server's clock: what it answers after the two instants, and what it writes. */
export function spend(
  calls: readonly (readonly Asked[])[],
  reply: readonly (number | string)[],
  written: readonly string[],
  deadline = DUE,
): Run {
  const keys = calls.flatMap((call) => call.map(([key]) => key));
  return spendBy(spendArgs(calls, deadline), keys, reply, written);
}

/** The same, by arguments word for word. */
export function spendBy(
  args: readonly string[],
  keys: readonly string[],
  reply: readonly (number | string)[],
  written: readonly string[],
): Run {
  return { script: 'spend', keys, args, timeUs: TIME_US, expected: { reply: [NOW, NOW, ...reply], written } };
}

/** A run of lua/scripts/spend-one.lua: a call at a cost of 1 on each key, unless said otherwise. */
export function spendOne(
  policy: Policy,
  keys: readonly string[],
  reply: readonly number[],
  written: readonly string[],
  { costs = keys.map(() => 1), deadline = DUE }: { costs?: readonly number[]; deadline?: string } = {},
): Run {
  const calls = costs.map(
    (cost): BatchedCall => ({
      charges: [{ policy, subject: '', cost }],
      mode: 'spend',
      deadlineMs: Number(deadline),
    }),
  );
  return {
    script: `spend-one ${policy.strategy}`,
    keys,
    args: new SpendOneRequest('', calls).args,
    timeUs: TIME_US,
    expected: { reply: [NOW, NOW, ...reply], written: written.toSorted() },
  };
}

/** A run of lua/scripts/spend-several.lua by the server's clock. */
export function spendSeveral(
  calls: readonly (readonly Asked[])[],
  reply: readonly number[],
  written: readonly string[],
  deadline = DUE,
): Run {
  const asked = calls.map(
    (call): BatchedCall => ({
      charges: call.map(([, policy, cost]) => ({ policy, subject: '', cost })),
      mode: 'spend',
      deadlineMs: Number(deadline),
    }),
  );
  const keys = calls.flatMap((call) => call.map(([key]) => key));
  return spendSeveralBy(new SpendSeveralRequest('', asked).args, keys, reply, written);
}

/** The same, by arguments word for word. */
export function spendSeveralBy(
  args: readonly string[],
  keys: readonly string[],
  reply: readonly number[],
  written: readonly string[],
): Run {
  const expected = { reply: [NOW, NOW, ...reply], written: written.toSorted() };
  return { script: 'spend-several', keys, args, timeUs: TIME_US, expected };
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

/** The limit and window of 10 a second in a reply. */
export const WINDOW = [10, 1000] as const;
/** The same of a policy that nothing was decided by. */
export const UNTOLD = [0, 0] as const;
/** And of a charge to it, at its begin, that leaves so much. */
export const allowed = (remaining: number) => [1, remaining, 1000] as const;
export const denied = (remaining: number, resetMs: number, retryAfterMs: number) =>
  [2, remaining, resetMs, retryAfterMs] as const;
export const LATE = 4;
export const GARBAGE = 5;
export const UNDECIDED = 6;
export const NOT_RECORDED = 7;

/** When a window of a second that is written now expires: a second more than it matters for, and a quarter. */
export const EXPIRES = NOW + 2500;
export const written = (used: number, key = KEY) => `SET ${key} S2f ${EXPIRES} ${NOW} ${used} PX 2500`;
/** The same where the key expires late enough. */
export const kept = (used: number, { key = KEY, expiresMs = EXPIRES }: { key?: string; expiresMs?: number } = {}) =>
  `SET ${key} S2f ${expiresMs} ${NOW} ${used} KEEPTTL`;
