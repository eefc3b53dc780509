import { beforeEach, describe, expect, it } from '@jest/globals';
import { orReturnLate } from '../../../src/backends/resilience/with-deadline.js';
import { Desk, grant, MINUTE, make, policy, turns, WINDOW } from './scripted-grants.js';

let desk: Desk;

beforeEach(() => {
  desk = new Desk();
});

describe('leases together', () => {
  it('are as many as they may be: the longest unused gives its units back', async () => {
    desk = new Desk(2);
    await desk.hold('ada');
    await desk.hold('bob');
    desk.take(1, 'ada');
    await desk.hold('eve');
    expect(desk.given).toEqual([{ at: WINDOW, charges: [{ policy, subject: 'bob', cost: 10 }] }]);
    expect(['ada', 'bob', 'eve'].map((subject) => desk.take(1, subject))).toEqual([8, 'unknown', 9]);
  });

  it('are swept when their windows are over, as others come in', async () => {
    for (let i = 0; i < 10; i++) await desk.hold(`s${i}`);
    desk.now += 50_000;
    for (let i = 0; i < 12; i++) await desk.hold('later', 1);
    expect(Array.from({ length: 10 }, (_, i) => desk.leases.find(policy, `s${i}`))).toEqual(
      new Array(10).fill(undefined),
    );
    expect(desk.leases.find(policy, 'later')).toBeDefined();
    expect(desk.given).toEqual([]);
  });

  it('are given back at the end by windows, but for what is spent or over', async () => {
    await desk.hold('ada');
    await desk.hold('bob');
    desk.take(10, 'bob');
    await desk.hold('eve', 7);
    const later = make(100, 10, 'q');
    desk.ask(1, 'q', 'ada', later);
    await desk.only().answer(grant(5, 90, WINDOW + MINUTE));
    expect(desk.leases.takeAll()).toEqual([
      {
        at: WINDOW,
        charges: [
          { policy, subject: 'ada', cost: 10 },
          { policy, subject: 'eve', cost: 7 },
        ],
      },
      { at: WINDOW + MINUTE, charges: [{ policy: later, subject: 'ada', cost: 5 }] },
    ]);
    expect(desk.leases.takeAll()).toEqual([]);
    await desk.hold('over');
    desk.now += 50_000;
    expect(desk.leases.takeAll()).toEqual([]);
  });

  it('are given back in receipts of a hundred charges at most', async () => {
    for (let i = 0; i < 201; i++) await desk.hold(`s${i}`);
    expect(desk.leases.takeAll().map(({ charges }) => charges.length)).toEqual([100, 100, 1]);
  });
});

describe('a reply that comes after its caller has gone', () => {
  it('is handed over when it comes, and one that comes in time, or fails, is not', async () => {
    const late: string[] = [];
    let come = (_: string) => {};
    const reply = new Promise<string>((resolve) => {
      come = resolve;
    });
    const answer = orReturnLate(
      reply,
      () => Promise.reject(new Error('too late')),
      (found) => late.push(found),
    );
    await expect(answer).rejects.toThrow('too late');
    expect(late).toEqual([]);
    come('units');
    await turns();
    expect(late).toEqual(['units']);
    const same = (promise: Promise<string>) => promise;
    expect(await orReturnLate(Promise.resolve('in time'), same, (found) => late.push(found))).toBe('in time');
    await expect(orReturnLate(Promise.reject(new Error('x')), same, (found) => late.push(found))).rejects.toThrow('x');
    expect(late).toEqual(['units']);
  });
});
