import { describe, expect, it } from '@jest/globals';
import { calendarArguments, QuotaWindows } from '../../../src/strategies/calendar/quota-windows.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';

const policy = definePolicy('plan', { rate: '10/day', strategy: 'calendar', timeZone: 'Europe/Berlin' });
const BEGIN = Date.parse('2026-03-28T23:00Z');
const END = Date.parse('2026-03-29T22:00Z');

describe('cached windows', () => {
  it('give all charges of a window the same array, and those of another window a different one', () => {
    const windows = new QuotaWindows();
    const args = windows.argumentsAt(policy, BEGIN);
    expect(args).toEqual(calendarArguments(policy, BEGIN));
    for (const now of [BEGIN, BEGIN + 1, END - 1]) expect(windows.argumentsAt(policy, now)).toBe(args);
    for (const now of [END, BEGIN - 1, BEGIN]) {
      expect(windows.argumentsAt(policy, now)).toEqual(calendarArguments(policy, now));
    }
  });

  it('are separate for each anchor, even for more anchors than are cached', () => {
    const windows = new QuotaWindows();
    const policy = definePolicy('plan', { rate: '10/day', strategy: 'calendar' });
    const anchors = Array.from({ length: 10_100 }, (_, i) => Date.UTC(2026, 0, 1, 0, 0, i));
    for (const anchorMs of anchors) windows.argumentsAt(policy, BEGIN, anchorMs);
    for (const anchorMs of [...anchors.slice(0, 10), ...anchors.slice(-10)]) {
      expect(windows.argumentsAt(policy, BEGIN, anchorMs)).toEqual(
        calendarArguments(policy, BEGIN, new Date(anchorMs)),
      );
    }
    const last = windows.argumentsAt(policy, BEGIN, anchors[5]);
    expect(windows.argumentsAt(policy, BEGIN + 1, anchors[5])).toBe(last);
    expect(windows.argumentsAt(policy, BEGIN)).toEqual(calendarArguments(policy, BEGIN));
  });
});
