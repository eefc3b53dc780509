import { describe, expect, it } from '@jest/globals';
import { decodeLeaseReply } from '../../../../src/backends/redis/scripts/lease-codec.js';
import { type BatchedCall, SpendRequest } from '../../../../src/backends/redis/scripts/spend-codec.js';
import { definePolicy, type Policy } from '../../../../src/index.js';

const window = definePolicy('window', { rate: '10/s', strategy: 'fixed-window' });
const log = definePolicy('log', { rate: '5/2s', strategy: 'sliding-log' });
const WINDOW = ['fixed-window', '10', '1000', '10', '1'];
const LOG = ['sliding-log', '5', '2000', '5', '1'];

/** A call of charges: each a policy and a cost. */
function call(deadlineMs: number | 'peek', ...charges: readonly (readonly [Policy, number])[]): BatchedCall {
  const asked = charges.map(([policy, cost], i) => ({ policy, subject: `user:${i}`, cost }));
  return deadlineMs === 'peek'
    ? { charges: asked, takes: false, deadlineMs: Math.random() }
    : { charges: asked, takes: true, deadlineMs };
}

const argsOf = (...calls: readonly BatchedCall[]) => new SpendRequest('', calls).args;

describe('the arguments of a run', () => {
  it('are an instant, policies once each, and calls', () => {
    expect(new SpendRequest('5', []).args).toEqual(['5', '0']);
    expect(argsOf(call(7, [log, 2], [window, 0]), call('peek', [window, 1], [log, 3]))).toEqual([
      ...['', '2', ...LOG, ...WINDOW],
      ...['1', '7', '2', '1', '2', '2', '0'],
      ...['1', 'peek', '2', '2', '1', '1', '3'],
    ]);
  });

  it('tell calls in a row once that are alike but for their keys', () => {
    expect(argsOf(call(7, [log, 2]), call(7, [log, 2]), call(7, [log, 2]))).toEqual([
      ...['', '1', ...LOG],
      ...['3', '7', '1', '1', '2'],
    ]);
    // Of what only looks no deadline is told.
    expect(argsOf(call('peek', [log, 2]), call('peek', [log, 2]))).toEqual([
      ...['', '1', ...LOG],
      ...['2', 'peek', '1', '1', '2'],
    ]);
  });

  it.each([
    ['cost', call(7, [window, 3]), ['7', '1', '1', '3']],
    ['policy', call(7, [log, 2]), ['7', '1', '2', '2']],
    ['deadline', call(8, [window, 2]), ['8', '1', '1', '2']],
    ['number of charges', call(7, [window, 2], [window, 2]), ['7', '2', '1', '2', '1', '2']],
    ['kind', call('peek', [window, 2]), ['peek', '1', '1', '2']],
  ])('tell a call of another %s by itself, and those behind it anew', (_, other, told) => {
    const policies = ['', told[2] === '2' ? '2' : '1', ...WINDOW, ...(told[2] === '2' ? LOG : [])];
    const usual = call(7, [window, 2]);
    expect(argsOf(usual, usual, other, other, usual)).toEqual([
      ...policies,
      ...['2', '7', '1', '1', '2'],
      ...['2', ...told],
      ...['1', '7', '1', '1', '2'],
    ]);
  });

  it('tell a policy of the same numbers twice where it is another object', () => {
    expect(argsOf(call(7, [log, 2]), call(7, [{ ...log }, 2]))).toEqual([
      ...['', '2', ...LOG, ...LOG],
      ...['1', '7', '1', '1', '2', '1', '7', '1', '2', '2'],
    ]);
  });
});

describe('the reply to a run', () => {
  const asked = [
    call(7, [window, 1], [log, 2]),
    call(7, [window, 1]),
    call('peek', [window, 1]),
    call(7, [log, 9]),
    call(7, [window, 1], [log, 2]),
  ];
  const run = new SpendRequest('', asked);
  const whole = [3, 0, 4, 1, 2000, -1, 7, 1999, 'gcra 1000 1'];
  const reply = [...[1000, 900, 10, 1000, 5, 2000], ...[1, 9, 100, 1, 3, 200], 4, ...[2, 0, 100, 50], ...whole, 5];
  const decision = { policy: 'window', allowed: true, limit: 10, windowMs: 1000, delayMs: 0, retryAfterMs: 0 };

  it.each([
    ['numbers', reply],
    ['numbers as text', reply.map(String)],
  ])('is read call by call: %s', (_, values) => {
    const read = run.read(values);
    expect(read.serverMs).toBe(1000);
    const first = { ...decision, remaining: 9, resetMs: 100 };
    const second = { ...decision, policy: 'log', limit: 5, windowMs: 2000, remaining: 3, resetMs: 200 };
    const denial = { ...decision, allowed: false, remaining: 0, resetMs: 100, retryAfterMs: 50 };
    const told = {
      policy: 'log',
      allowed: false,
      limit: 4,
      remaining: 1,
      resetMs: 2000,
      retryAfterMs: null,
      delayMs: 7,
      windowMs: 1999,
    };
    expect(asked.map((one) => read.read(one))).toEqual([
      {
        kind: 'decided',
        outcome: {
          allowed: true,
          decisions: [first, second],
          binding: second,
          receipt: { at: 900, charges: asked[0]?.charges },
        },
        leftBehind: [],
      },
      { kind: 'late' },
      { kind: 'decided', outcome: { allowed: false, decisions: [denial], binding: denial }, leftBehind: [] },
      {
        kind: 'decided',
        outcome: { allowed: false, decisions: [told], binding: told },
        leftBehind: [{ policy: 'log', was: 'gcra 1000 1' }],
      },
      { kind: 'garbage' },
    ]);
  });

  it('gives no receipt where nothing was taken', () => {
    const free = [call(7, [window, 0]), call('peek', [window, 1])];
    const read = new SpendRequest('', free).read([1000, 900, 10, 1000, 1, 9, 100, 1, 8, 100]);
    for (const one of free) {
      const verdict = read.read(one);
      expect(verdict).toMatchObject({ kind: 'decided', outcome: { allowed: true } });
      expect(verdict.kind === 'decided' && verdict.outcome.receipt).toBeUndefined();
    }
  });

  it('is read up to where it is cut off, wherever that is', () => {
    const ends = [12, 13, 17, 26, 27];
    for (let length = 0; length < reply.length; length++) {
      const values = reply.slice(0, length);
      if (length < 6) {
        expect(() => run.read(values)).toThrow(TypeError);
        continue;
      }
      const read = run.read(values);
      asked.forEach((one, i) => {
        if (length >= (ends[i] ?? 0)) expect(() => read.read(one)).not.toThrow();
      });
      expect(() => read.read(asked[0] ?? call(7, [window, 1]))).toThrow('the script answered in another form');
    }
  });

  it.each([[null], ['OK'], [{}], [undefined], [[]], [[1000]], [[1000, 900]]])('is none where it is %j', (value) => {
    expect(() => run.read(value)).toThrow(TypeError);
  });

  it.each([0, 6, -1, 'x', null])('is none where a charge is %j', (code) => {
    const values = [...reply.slice(0, 6), code, 9, 100, 1, 3, 200];
    expect(() => run.read(values).read(asked[0] ?? call(7, [window, 1]))).toThrow(TypeError);
  });
});

describe('the reply to a lease', () => {
  it('is a grant, late or garbage, by the codes of lua/lease.lua', () => {
    const grant = { granted: 3, remaining: 7, at: 900, endsInMs: 100 };
    for (const values of [
      [1000, 900, 1, 3, 7, 100, 0],
      ['1000', '900', '1', '3', '7', '100', '0'],
    ]) {
      expect(decodeLeaseReply(values)).toEqual({ serverMs: 1000, leased: { kind: 'decided', grant, was: undefined } });
    }
    const was = 'gcra 1000 1';
    expect(decodeLeaseReply([1000, 900, 1, 3, 7, 100, was])).toEqual({
      serverMs: 1000,
      leased: { kind: 'decided', grant, was },
    });
    expect(decodeLeaseReply([1000, 900, 2])).toEqual({ serverMs: 1000, leased: { kind: 'late' } });
    expect(decodeLeaseReply([1000, 900, '3'])).toEqual({ serverMs: 1000, leased: { kind: 'garbage' } });
    for (const value of [null, 'OK', [], [1000, 900]]) expect(() => decodeLeaseReply(value)).toThrow(TypeError);
  });
});
