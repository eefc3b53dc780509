import { describe, expect, it } from '@jest/globals';
import { decodeLeaseReply, leaseArgs } from '../../../../src/backends/redis/scripts/lease-codec.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';

describe('the arguments of a lease', () => {
  it('are the instant, the deadline, the policy and the units wanted', () => {
    const policy = definePolicy('window', { rate: '10/s', strategy: 'fixed-window' });
    expect(leaseArgs('5', 7, policy, 3)).toEqual(['5', '7', 'fixed-window', '10', '1000', '10', '1', '3']);
  });
});

describe('the reply to a lease', () => {
  it('is a grant, late or a foreign value, by the status codes of the script', () => {
    const grant = { granted: 3, remaining: 7, at: 900, endsInMs: 100 };
    for (const values of [
      [1000, 900, 1, 3, 7, 100],
      ['1000', '900', '1', '3', '7', '100'],
    ]) {
      expect(decodeLeaseReply(values)).toEqual({ serverMs: 1000, verdict: { kind: 'decided', grant } });
    }
    expect(decodeLeaseReply([1000, 900, 2])).toEqual({ serverMs: 1000, verdict: { kind: 'late' } });
    expect(decodeLeaseReply([1000, 900, '3'])).toEqual({ serverMs: 1000, verdict: { kind: 'foreign-value' } });
    for (const value of [null, 'OK', [], [1000, 900]]) expect(() => decodeLeaseReply(value)).toThrow(TypeError);
  });
});
