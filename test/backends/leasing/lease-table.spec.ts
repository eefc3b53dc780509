import { beforeEach, describe, expect, it } from '@jest/globals';
import { orReturnLate } from '../../../src/backends/resilience/with-deadline.js';
import { grant, LeaseFixture, MINUTE, make, policy, turns, WINDOW } from './lease-fixture.js';

let fixture: LeaseFixture;

beforeEach(() => {
  fixture = new LeaseFixture();
});

describe('the leases of a process', () => {
  it('are bounded in number: the least recently used one returns its units', async () => {
    fixture = new LeaseFixture(2);
    await fixture.hold('ada');
    await fixture.hold('bob');
    fixture.take(1, 'ada');
    await fixture.hold('eve');
    expect(fixture.returned).toEqual([{ at: WINDOW, charges: [{ policy, subject: 'bob', cost: 10 }] }]);
    expect(['ada', 'bob', 'eve'].map((subject) => fixture.take(1, subject))).toEqual([8, 'unknown', 9]);
  });

  it('are swept after their windows have ended, as new grants arrive', async () => {
    for (let i = 0; i < 10; i++) await fixture.hold(`s${i}`);
    fixture.nowMs += 50_000;
    for (let i = 0; i < 12; i++) await fixture.hold('later', 1);
    expect(Array.from({ length: 10 }, (_, i) => fixture.leases.find({ policy, subject: `s${i}` }))).toEqual(
      new Array(10).fill(undefined),
    );
    expect(fixture.leases.find({ policy, subject: 'later' })).toBeDefined();
    expect(fixture.returned).toEqual([]);
  });

  it('are taken as one receipt per window, without spent units and ended windows', async () => {
    await fixture.hold('ada');
    await fixture.hold('bob');
    fixture.take(10, 'bob');
    await fixture.hold('eve', 7);
    const later = make(100, 10, 'q');
    fixture.request(1, 'q', 'ada', later);
    await fixture.onlyRequest().answer(grant(5, 90, WINDOW + MINUTE));
    expect(fixture.leases.takeAll()).toEqual([
      {
        at: WINDOW,
        charges: [
          { policy, subject: 'ada', cost: 10 },
          { policy, subject: 'eve', cost: 7 },
        ],
      },
      { at: WINDOW + MINUTE, charges: [{ policy: later, subject: 'ada', cost: 5 }] },
    ]);
    expect(fixture.leases.takeAll()).toEqual([]);
    await fixture.hold('over');
    fixture.nowMs += 50_000;
    expect(fixture.leases.takeAll()).toEqual([]);
  });

  it('are taken as receipts of at most a hundred charges', async () => {
    for (let i = 0; i < 201; i++) await fixture.hold(`s${i}`);
    expect(fixture.leases.takeAll().map(({ charges }) => charges.length)).toEqual([100, 100, 1]);
  });
});

describe('a reply that arrives after its caller was rejected', () => {
  it('is handed over, unlike one that arrives in time or fails', async () => {
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
