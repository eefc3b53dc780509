import { describe, expect, it } from '@jest/globals';
import { DenialStreak, type MessageProgress } from '../../../src/transports/sockets/denial-streak.js';

const message = (isFrame = false): MessageProgress => ({ isFrame, isCounted: false, endedStreak: 0 });
const frame = () => message(true);

describe('a streak of denials', () => {
  it('closes the connection at the given number of consecutive denials', () => {
    const streak = new DenialStreak(3);
    expect([1, 2, 3].map(() => streak.recordDenial(message()))).toEqual([false, false, true]);
  });

  it('counts a message once', () => {
    const streak = new DenialStreak(2);
    const denied = message();
    expect([1, 2, 3].map(() => streak.recordDenial(denied))).toEqual([false, false, false]);
    expect(streak.recordDenial(message())).toBe(true);
  });

  it('is ended by a message that is allowed', () => {
    const streak = new DenialStreak(2);
    streak.recordDenial(message());
    streak.recordAdmission(message());
    expect(streak.recordDenial(message())).toBe(false);
  });

  it('is not ended by a message that was denied before', () => {
    const streak = new DenialStreak(2);
    const denied = message();
    streak.recordDenial(denied);
    streak.recordAdmission(denied);
    expect(streak.recordDenial(message())).toBe(true);
  });

  it('continues if a message is denied after it was allowed', () => {
    const streak = new DenialStreak(2);
    streak.recordDenial(message());
    const next = message();
    streak.recordAdmission(next);
    expect(streak.recordDenial(next)).toBe(true);
  });

  it('continues if the message of an allowed frame is denied', () => {
    const streak = new DenialStreak(2);
    streak.recordDenial(message());
    streak.recordAdmission(frame());
    expect(streak.recordDenial(message())).toBe(true);
  });

  it('is ended by an allowed frame whose message is allowed', () => {
    const streak = new DenialStreak(2);
    streak.recordDenial(message());
    streak.recordAdmission(frame());
    streak.recordAdmission(message());
    expect(streak.recordDenial(message())).toBe(false);
  });
});
