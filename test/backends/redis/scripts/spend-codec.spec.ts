import { describe, expect, it } from '@jest/globals';
import { type BatchedCall, SpendRequest } from '../../../../src/backends/redis/scripts/spend-codec.js';
import { definePolicy, type Policy } from '../../../../src/index.js';

const window = definePolicy('window', { rate: '10/s', strategy: 'fixed-window' });
const log = definePolicy('log', { rate: '5/2s', strategy: 'sliding-log' });
const WINDOW = ['fixed-window', '10', '1000', '10', '1'];
const LOG = ['sliding-log', '5', '2000', '5', '1'];

/** A call with charges, each given as a policy and a cost. */
function call(deadlineMs: number | 'peek', ...charges: readonly (readonly [Policy, number])[]): BatchedCall {
  const asked = charges.map(([policy, cost], i) => ({ policy, subject: `user:${i}`, cost }));
  return deadlineMs === 'peek'
    ? { charges: asked, mode: 'peek', deadlineMs: Math.random() }
    : { charges: asked, mode: 'spend', deadlineMs };
}

const argsOf = (...calls: readonly BatchedCall[]) => new SpendRequest('', calls).args;

describe('the arguments of a batch', () => {
  it('are the instant, each policy once, and the calls', () => {
    expect(new SpendRequest('5', []).args).toEqual(['5', '0']);
    expect(argsOf(call(7, [log, 2], [window, 0]), call('peek', [window, 1], [log, 3]))).toEqual([
      ...['', '2', ...LOG, ...WINDOW],
      ...['1', '7', '2', '1', '2', '2', '0'],
      ...['1', 'peek', '2', '2', '1', '1', '3'],
    ]);
  });

  it('contain successive calls that differ only in their keys once', () => {
    expect(argsOf(call(7, [log, 2]), call(7, [log, 2]), call(7, [log, 2]))).toEqual([
      ...['', '1', ...LOG],
      ...['3', '7', '1', '1', '2'],
    ]);
    // A peek has no deadline.
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
  ])('contain a call of another %s by itself, and the calls behind it again', (_, other, told) => {
    const policies = ['', told[2] === '2' ? '2' : '1', ...WINDOW, ...(told[2] === '2' ? LOG : [])];
    const usual = call(7, [window, 2]);
    expect(argsOf(usual, usual, other, other, usual)).toEqual([
      ...policies,
      ...['2', '7', '1', '1', '2'],
      ...['2', ...told],
      ...['1', '7', '1', '1', '2'],
    ]);
  });

  it('contain two policy objects with equal numbers twice', () => {
    expect(argsOf(call(7, [log, 2]), call(7, [{ ...log }, 2]))).toEqual([
      ...['', '2', ...LOG, ...LOG],
      ...['1', '7', '1', '1', '2', '1', '7', '1', '2', '2'],
    ]);
  });
});

describe('the reply to a batch', () => {
  const asked = [
    call(7, [window, 1], [log, 2]),
    call(7, [window, 1]),
    call('peek', [window, 1]),
    call(7, [log, 9]),
    call(7, [window, 1], [log, 2]),
  ];
  const request = new SpendRequest('', asked);
  const full = [3, 0, 4, 1, 2000, -1, 7, 1999];
  const reply = [...[1000, 900, 10, 1000, 5, 2000], ...[1, 9, 100, 1, 3, 200], 4, ...[2, 0, 100, 50], ...full, 5];
  const decision = { policy: 'window', allowed: true, limit: 10, windowMs: 1000, delayMs: 0, retryAfterMs: 0 };

  it.each([
    ['numbers', reply],
    ['numbers as strings', reply.map(String)],
  ])('is decoded call by call: %s', (_, values) => {
    const decoded = request.decode(values);
    expect(decoded.serverMs).toBe(1000);
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
    expect(asked.map((one) => decoded.next(one))).toEqual([
      {
        kind: 'decided',
        outcome: {
          allowed: true,
          decisions: [first, second],
          binding: second,
          receipt: { at: 900, charges: asked[0]?.charges },
        },
      },
      { kind: 'late' },
      { kind: 'decided', outcome: { allowed: false, decisions: [denial], binding: denial } },
      { kind: 'decided', outcome: { allowed: false, decisions: [told], binding: told } },
      { kind: 'foreign-value' },
    ]);
  });

  it('has no receipt if nothing was taken', () => {
    const free = [call(7, [window, 0]), call('peek', [window, 1])];
    const decoded = new SpendRequest('', free).decode([1000, 900, 10, 1000, 1, 9, 100, 1, 8, 100]);
    for (const one of free) {
      const verdict = decoded.next(one);
      expect(verdict).toMatchObject({ kind: 'decided', outcome: { allowed: true } });
      expect(verdict.kind === 'decided' && verdict.outcome.receipt).toBeUndefined();
    }
  });

  it('is decoded up to where it is truncated, wherever that is', () => {
    const ends = [12, 13, 17, 25, 26];
    for (let length = 0; length < reply.length; length++) {
      const values = reply.slice(0, length);
      if (length < 6) {
        expect(() => request.decode(values)).toThrow(TypeError);
        continue;
      }
      const decoded = request.decode(values);
      asked.forEach((one, i) => {
        if (length >= (ends[i] ?? 0)) expect(() => decoded.next(one)).not.toThrow();
      });
      expect(() => decoded.next(asked[0] ?? call(7, [window, 1]))).toThrow('unexpected reply from the Redis script');
    }
  });

  it.each([[null], ['OK'], [{}], [undefined], [[]], [[1000]], [[1000, 900]]])('is rejected if it is %j', (value) => {
    expect(() => request.decode(value)).toThrow(TypeError);
  });

  it.each([0, 6, -1, 'x', null])('is rejected if the status of a charge is %j', (code) => {
    const values = [...reply.slice(0, 6), code, 9, 100, 1, 3, 200];
    expect(() => request.decode(values).next(asked[0] ?? call(7, [window, 1]))).toThrow(TypeError);
  });
});
