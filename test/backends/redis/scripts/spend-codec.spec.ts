import { describe, expect, it } from '@jest/globals';
import {
  SpendOneRequest,
  SpendRequest,
  SpendSeveralRequest,
} from '../../../../src/backends/redis/scripts/spend-codec.js';
import type { BatchedCall } from '../../../../src/backends/redis/scripts/spend-reply.js';
import type { Policy } from '../../../../src/core/policy.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';

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
  ])('contain a call of another %s separately, and the calls after it again', (_, other, told) => {
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

describe('the arguments of calls of one charge by one strategy', () => {
  const other = definePolicy('other', { rate: '7/3s', strategy: 'sliding-log' });
  const argsOfOne = (...calls: readonly BatchedCall[]) => new SpendOneRequest('', calls).args;

  it('are the instant, the earliest deadline, the policy, and the common cost', () => {
    const calls = [call(9, [log, 2]), call(7, [log, 2]), call(8, [log, 2])];
    expect(new SpendOneRequest('5', calls).args).toEqual(['5', '7', '', '2', '5', '2000', '5', '1']);
  });

  it('have the cost of each call if two costs differ', () => {
    const calls = [call(7, [log, 2]), call(7, [log, 2]), call(7, [log, 0])];
    expect(argsOfOne(...calls)).toEqual(['', '7', '', '', '5', '2000', '5', '1', '2', '2', '0']);
  });

  it('have each policy once, and its number for each call', () => {
    const calls = [call(7, [log, 2]), call(7, [other, 2]), call(7, [other, 2]), call(7, [log, 2])];
    expect(argsOfOne(...calls)).toEqual([
      ...['', '7', '\0\x01\x01\0', '2'],
      ...['5', '2000', '5', '1'],
      ...['7', '3000', '7', '1'],
    ]);
  });

  it('have two policy objects with equal numbers twice, and up to 128 in characters of one byte', () => {
    const policies = Array.from({ length: 128 }, () => ({ ...log }));
    const [, , numbers, , ...listed] = argsOfOne(...policies.map((policy) => call(7, [policy, 2])));
    expect(listed).toEqual(policies.flatMap(() => ['5', '2000', '5', '1']));
    expect([...Buffer.from(numbers ?? '')]).toEqual(policies.map((_, i) => i));
  });
});

describe('the arguments of calls of several charges', () => {
  const argsOfSeveral = (...calls: readonly BatchedCall[]) => new SpendSeveralRequest('', calls).args;

  it('are the instant, the earliest deadline, each policy once, and the calls', () => {
    const calls = [call(9, [log, 2], [window, 0]), call(7, [window, 1], [log, 3], [{ ...log }, 1]), call(8, [log, 2])];
    expect(new SpendSeveralRequest('5', calls).args).toEqual([
      ...['5', '7', '3', ...LOG, ...WINDOW, ...LOG],
      ...['1', '2', '1', '2', '2', '0'],
      ...['1', '3', '2', '1', '1', '3', '3', '1'],
      ...['1', '1', '1', '2'],
    ]);
  });

  it('contain successive calls that differ only in their keys and deadlines once', () => {
    const usual = (deadlineMs: number) => call(deadlineMs, [log, 2], [window, 1]);
    const calls = [usual(9), usual(7), usual(8), call(7, [log, 2], [window, 2]), usual(7)];
    expect(argsOfSeveral(...calls)).toEqual([
      ...['', '7', '2', ...LOG, ...WINDOW],
      ...['3', '2', '1', '2', '2', '1'],
      ...['1', '2', '1', '2', '2', '2'],
      ...['1', '2', '1', '2', '2', '1'],
    ]);
  });
});

/** A byte of a reply: a status. All other numbers are doubles. */
const byte = (value: number) => Buffer.from([value]);
const bytesOf = (...values: readonly (number | Buffer)[]) =>
  Buffer.concat(
    values.map((value) => {
      if (typeof value !== 'number') return value;
      const double = Buffer.alloc(8);
      double.writeDoubleLE(value);
      return double;
    }),
  );
const [ALLOWED, DENIED, FULL, LATE, FOREIGN, UNDECIDED] = [1, 2, 3, 4, 5, 6].map(byte) as [
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
  Buffer,
];

describe('the reply to a batch', () => {
  const asked = [
    call(7, [window, 1], [log, 2]),
    call(7, [window, 1]),
    call('peek', [window, 1]),
    call(7, [log, 9]),
    call(7, [window, 1], [log, 2]),
  ];
  const request = new SpendRequest('', asked);
  const head = bytesOf(1000, 900, 10, 1000, 5, 2000);
  const parts = [
    bytesOf(ALLOWED, 9, 100, ALLOWED, 3, 200),
    LATE,
    bytesOf(DENIED, 0, 100, 50),
    bytesOf(FULL, byte(0), 4, 1, 2000, -1, 7, 1999),
    FOREIGN,
  ];
  const reply = Buffer.concat([head, ...parts]);
  const decision = { policy: 'window', allowed: true, limit: 10, windowMs: 1000, delayMs: 0, retryAfterMs: 0 };

  it('is decoded call by call', () => {
    const decoded = request.decode(reply);
    expect(decoded.serverMs).toBe(1000);
    const first = { ...decision, remaining: 9, resetMs: 100 };
    const second = { ...decision, policy: 'log', limit: 5, windowMs: 2000, remaining: 3, resetMs: 200 };
    const denial = { ...decision, allowed: false, remaining: 0, resetMs: 100, retryAfterMs: 50, reason: 'rate' };
    const told = {
      policy: 'log',
      allowed: false,
      reason: 'rate',
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

  it('is decoded even if it begins in the middle of a larger buffer', () => {
    const larger = Buffer.concat([byte(0), reply, byte(0)]);
    const decoded = request.decode(larger.subarray(1, reply.length + 1));
    expect(decoded.next(asked[0] ?? call(7))).toEqual(request.decode(reply).next(asked[0] ?? call(7)));
  });

  it('has no receipt if nothing was taken', () => {
    const free = [call(7, [window, 0]), call('peek', [window, 1]), call(7, [window, 0], [window, 0])];
    const allowed = bytesOf(ALLOWED, 9, 100);
    const decoded = new SpendRequest('', free).decode(
      Buffer.concat([bytesOf(1000, 900, 10, 1000), allowed, allowed, allowed, allowed]),
    );
    for (const one of free) {
      const verdict = decoded.next(one);
      expect(verdict).toMatchObject({ kind: 'decided', outcome: { allowed: true } });
      expect(verdict.kind === 'decided' && verdict.outcome.receipt).toBeUndefined();
    }
  });

  it('is decoded up to where it is truncated, wherever that is', () => {
    const ends = parts.map((_, i) => Buffer.concat([head, ...parts.slice(0, i + 1)]).length);
    for (let length = 0; length < reply.length; length++) {
      const bytes = reply.subarray(0, length);
      if (length < head.length) {
        expect(() => request.decode(bytes)).toThrow(TypeError);
        continue;
      }
      const decoded = request.decode(bytes);
      asked.forEach((one, i) => {
        if (length >= (ends[i] ?? 0)) expect(() => decoded.next(one)).not.toThrow();
      });
      expect(() => decoded.next(asked[0] ?? call(7, [window, 1]))).toThrow('unexpected reply from the Redis script');
    }
  });

  it.each([[null], ['OK'], [{}], [undefined], [[]], [[1000, 900]], [Buffer.alloc(47)]])(
    'is rejected if it is %j',
    (value) => {
      expect(() => request.decode(value)).toThrow(TypeError);
    },
  );

  it.each([0, 8, 255])('is rejected if a status is %i', (code) => {
    const bytes = Buffer.concat([head, byte(code), bytesOf(9, 100)]);
    expect(() => request.decode(bytes).next(asked[1] ?? call(7))).toThrow(TypeError);
    const second = Buffer.concat([head, bytesOf(ALLOWED, 9, 100), byte(code), bytesOf(3, 200)]);
    expect(() => request.decode(second).next(asked[0] ?? call(7))).toThrow(TypeError);
  });
});

describe('the reply to calls of several charges', () => {
  const bucket = definePolicy('bucket', { rate: '3/s', strategy: 'gcra', burst: 7 });
  const asked = [call(1000, [window, 1], [bucket, 2]), call(999, [window, 1], [bucket, 1], [log, 1])];

  it('is a decision for each charge, with the limit and the window of its policy, or a status for the call', () => {
    const head = bytesOf(1000, 900);
    const decoded = new SpendSeveralRequest('', asked).decode(
      Buffer.concat([head, bytesOf(ALLOWED, 9, 100, DENIED, 3, 200, 50), UNDECIDED]),
    );
    expect(asked.map((one) => decoded.next(one))).toEqual([
      {
        kind: 'decided',
        outcome: {
          allowed: false,
          decisions: [
            expect.objectContaining({ policy: 'window', allowed: true, limit: 10, remaining: 9 }),
            expect.objectContaining({ policy: 'bucket', limit: 7, windowMs: 2334, remaining: 3, retryAfterMs: 50 }),
          ],
          binding: expect.objectContaining({ policy: 'bucket' }),
        },
      },
      { kind: 'unsupported' },
    ]);
  });

  it('is late for the calls whose deadline has passed if the run was refused, and missing for the others', () => {
    const decoded = new SpendSeveralRequest('', asked).decode(bytesOf(1000, 900));
    expect(asked.map((one) => decoded.next(one).kind)).toEqual(['undecided', 'late']);
  });
});

describe('the reply to calls of one charge', () => {
  const head = bytesOf(1000, 900);
  const bucket = definePolicy('bucket', { rate: '3/s', strategy: 'gcra', burst: 7 });
  const read = (reply: Buffer, ...calls: readonly BatchedCall[]) => {
    const decoded = new SpendOneRequest('', calls).decode(reply);
    return calls.map((one) => decoded.next(one));
  };

  it('marks a call that the script does not support', () => {
    const [first, second] = read(
      Buffer.concat([head, UNDECIDED, bytesOf(ALLOWED, 9, 100)]),
      ...[1, 2].map(() => call(1000, [window, 1])),
    );
    expect(first).toEqual({ kind: 'unsupported' });
    expect(second).toMatchObject({ kind: 'decided' });
  });

  it('is a decision with the limit and the window of its policy', () => {
    const [first, second] = read(
      Buffer.concat([head, bytesOf(ALLOWED, 9, 100, DENIED, 3, 200, 50)]),
      ...[window, bucket].map((policy) => call(1000, [policy, 1])),
    );
    expect(first).toMatchObject({
      outcome: { binding: { policy: 'window', limit: 10, windowMs: 1000, remaining: 9 } },
    });
    expect(second).toMatchObject({
      outcome: { binding: { limit: 7, windowMs: 2334, remaining: 3, retryAfterMs: 50 } },
    });
  });

  it('that was refused is late for the calls whose deadline has passed, and missing for the others', () => {
    const calls = [999, 1000, 1001, 0].map((deadlineMs) => call(deadlineMs, [window, 1]));
    expect(read(head, ...calls).map(({ kind }) => kind)).toEqual(['late', 'undecided', 'undecided', 'late']);
  });

  it('is rejected if it is truncated', () => {
    const reply = Buffer.concat([head, bytesOf(ALLOWED, 9, 100)]);
    for (let length = 0; length < reply.length; length++) {
      if (length !== head.length)
        expect(() => read(reply.subarray(0, length), call(7, [window, 1]))).toThrow(TypeError);
    }
  });
});
