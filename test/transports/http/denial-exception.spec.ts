import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../src/core/decision.js';
import { httpDenial, httpUnavailable } from '../../../src/transports/http/denial-exception.js';

const DENIED: Outcome = {
  allowed: false,
  decisions: [],
  binding: {
    policy: 'login',
    allowed: false,
    limit: 5,
    remaining: 0,
    resetMs: 60_000,
    retryAfterMs: 12_000,
    delayMs: 0,
    windowMs: 60_000,
  },
};
const frames = ({ stack = '' }: Error) => stack.split('\n').filter((line) => line.startsWith('    at '));

describe('the exception of a denial', () => {
  it.each(['nest', 'problem'] as const)('has no stack as the response to a request (%s)', (style) => {
    const exception = httpDenial(DENIED, undefined, style, {});
    expect(frames(exception)).toEqual([]);
    expect(exception.message).toBe(style === 'nest' ? 'Too many requests. Retry in 12 seconds.' : 'Throttle Exception');
  });

  it('has a stack outside a request', () => {
    expect(frames(httpDenial(DENIED, undefined, 'nest', undefined)).join()).toContain('denial-exception.spec');
  });

  it('has the same if limits cannot be checked', () => {
    for (const style of ['nest', 'problem'] as const) {
      const setHeader = () => undefined;
      expect(frames(httpUnavailable(1000, style, { setHeader }))).toEqual([]);
      expect(frames(httpUnavailable(1000, style, undefined)).join()).toContain('denial-exception.spec');
    }
  });

  it('does not change the stacks of other errors', () => {
    const before = Error.stackTraceLimit;
    Error.stackTraceLimit = 7;
    try {
      httpDenial(DENIED, undefined, 'nest', {});
      expect(Error.stackTraceLimit).toBe(7);
      const message = {
        get message(): string {
          throw new TypeError('unreadable');
        },
      };
      expect(() => httpDenial(DENIED, message, 'nest', {})).toThrow('unreadable');
      expect(Error.stackTraceLimit).toBe(7);
    } finally {
      Error.stackTraceLimit = before;
    }
  });
});
