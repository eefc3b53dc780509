import { describe, expect, it } from '@jest/globals';
import { decodeSettleReply, settleArgs } from '../../../../src/backends/redis/scripts/settle-codec.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';

const policy = definePolicy('window', { rate: '10/s', strategy: 'fixed-window' });

describe('the arguments of a settlement', () => {
  it('are the instant, the deadline, the instant of the receipt, and each charge with its old and its new cost', () => {
    const charges = [5, 3].map((cost) => ({ policy, subject: 'ada', cost }));
    const window = ['fixed-window', '10', '1000', '10', '1'];
    expect(settleArgs('', 7, { at: 6, charges }, [0, 2])).toEqual([
      ...['', '7', '6'],
      ...[...window, '5', '0'],
      ...[...window, '3', '2'],
    ]);
  });
});

describe('the reply to a settlement', () => {
  it.each([
    [[1000, 1], true],
    [['1000', '1'], true],
    [[1000, 2], false],
  ])('%j has the time, and whether it was settled: %s', (reply, isDone) => {
    expect(decodeSettleReply(reply)).toEqual({ serverMs: 1000, isDone });
  });

  it.each([[null], ['OK'], [[]], [[1000]]])('is rejected if it is %j', (reply) => {
    expect(() => decodeSettleReply(reply)).toThrow(TypeError);
  });
});
