import { beforeEach, describe, expect, it } from '@jest/globals';
import { charge, grant, LeaseFixture, MINUTE, make, policy, WINDOW } from './lease-fixture.js';

let fixture: LeaseFixture;

beforeEach(() => {
  fixture = new LeaseFixture();
});

describe('a lease', () => {
  it('is unknown until it is granted, is then spent unit by unit, and is unknown again when it is used up', async () => {
    expect(fixture.take(1)).toBe('unknown');
    fixture.request(1);
    await fixture.onlyRequest().answer(grant(10));
    expect(fixture.notified).toEqual(['a']);
    expect([fixture.take(4), fixture.take(6), fixture.take(1)]).toEqual([6, 0, 'unknown']);
  });

  it.each([
    ['the batch', 1, 10],
    ['the cost, if that is more than the batch', 25, 25],
    ['the limit, if the cost is the whole limit', 100, 100],
  ])('is requested in the size of %s', (_, cost, wanted) => {
    fixture.request(cost);
    expect(fixture.onlyRequest().wanted).toBe(wanted);
  });

  it('is requested in the size of the cost less the held units', async () => {
    fixture.request(1);
    await fixture.onlyRequest().answer(grant(10));
    fixture.request(25);
    expect(fixture.onlyRequest().wanted).toBe(15);
  });

  it('is valid until 0.1 % before the end of its window, counted from before the request, and not a millisecond longer', async () => {
    fixture.request(1);
    fixture.nowMs += 300;
    await fixture.onlyRequest().answer(grant(10));
    // The window had more than 49 999 ms left, of which 49 ms and a bit are the margin.
    fixture.nowMs = 5_000_000 + 49_949;
    expect(fixture.take(1)).toBe('unknown');
    fixture.nowMs -= 1;
    expect(fixture.take(1)).toBe(9);
  });

  it('is replaced by a grant of a later window, and grows by a grant of its own window', async () => {
    fixture.request(1);
    await fixture.onlyRequest().answer(grant(10));
    fixture.request(20);
    await fixture.onlyRequest().answer(grant(10, 80));
    expect(fixture.take(1)).toBe(19);
    fixture.nowMs += 50_000;
    fixture.request(1);
    await fixture.onlyRequest().answer(grant(10, 90, WINDOW + MINUTE));
    expect(fixture.take(1)).toBe(9);
    expect(fixture.returned).toEqual([]);
  });

  it('is valid again when a later grant shows that its window lasts', async () => {
    fixture.request(1);
    await fixture.onlyRequest().answer(grant(10));
    fixture.nowMs += 49_990;
    expect(fixture.take(1)).toBe('unknown');
    fixture.request(1);
    expect(fixture.requests[0]?.wanted).toBe(10);
    await fixture.onlyRequest().answer(grant(10, 80, WINDOW + 59_500));
    expect(fixture.take(1)).toBe(19);
  });

  it('returns a grant of an earlier window than the one it holds', async () => {
    fixture.request(1);
    await fixture.onlyRequest().answer(grant(10, 90, WINDOW + MINUTE));
    fixture.request(20);
    const late = grant(10, 80, WINDOW + MINUTE - 1);
    await fixture.onlyRequest().answer(late);
    expect(fixture.take(1)).toBe(9);
    expect(fixture.returned).toEqual([{ at: late.at, charges: [{ policy, subject: 'ada', cost: 10 }] }]);
  });

  it('is requested again if its grant arrives too late to be spent', async () => {
    fixture.request(1);
    const at = WINDOW + MINUTE - 1;
    await fixture.onlyRequest().answer(grant(10, 90, at));
    expect(fixture.take(1)).toBe('unknown');
  });

  it('has one grant in flight, wakes waiters in order, and requests the next grant for all that still lack units', async () => {
    for (const who of ['a', 'b', 'c']) fixture.request(8, who);
    const first = fixture.onlyRequest();
    expect(first.wanted).toBe(10);
    fixture.request(90, 'd');
    await first.answer(grant(10));
    expect(fixture.notified).toEqual(['a', 'b', 'c', 'd']);
    // The first that still lacks units requests a grant for those behind it, too.
    fixture = new LeaseFixture();
    const retry = (who: string, cost: number) => {
      const waiter = { granted: () => retry(who, cost), fail: () => undefined };
      if (fixture.take(cost) === 'unknown') fixture.leases.request(charge(cost), waiter);
      else fixture.notified.push(`${who} spent`);
    };
    for (const who of ['e', 'f', 'g']) retry(who, 8);
    await fixture.onlyRequest().answer(grant(10));
    expect(fixture.notified).toEqual(['e spent']);
    const second = fixture.onlyRequest();
    expect(second.wanted).toBe(14);
    await second.answer(grant(14, 76));
    expect(fixture.notified).toEqual(['e spent', 'f spent', 'g spent']);
  });

  it('rejects all waiting callers when a grant fails; the next caller requests a new one', async () => {
    fixture.request(1, 'a');
    fixture.request(1, 'b');
    await fixture.onlyRequest().fail(new Error('gone'));
    expect(fixture.notified).toEqual(['a: Error: gone', 'b: Error: gone']);
    expect(fixture.take(1)).toBe('unknown');
    fixture.request(1, 'c');
    expect(fixture.onlyRequest().wanted).toBe(10);
  });

  it('denies for a second after the server granted its last unit, but no longer than its window lasts', async () => {
    fixture.request(10);
    await fixture.onlyRequest().answer(grant(4, 0));
    expect([fixture.take(10), fixture.take(3)]).toEqual(['denied', 1]);
    fixture.nowMs += 999;
    expect(fixture.take(2)).toBe('denied');
    fixture.nowMs += 1;
    expect(fixture.take(2)).toBe('unknown');
    fixture.request(2);
    await fixture.onlyRequest().answer(grant(0, 0, WINDOW + 59_800));
    fixture.nowMs += 197;
    expect(fixture.take(2)).toBe('denied');
    fixture.nowMs += 1;
    expect(fixture.take(2)).toBe('unknown');
  });

  it('denies a cost above the limit without a request', () => {
    expect(fixture.take(101)).toBe('denied');
    expect(fixture.take(100)).toBe('unknown');
  });

  it('takes units of its own window back, ignores those of earlier windows, and refuses those of later ones', async () => {
    const before = WINDOW + 10_000;
    expect(fixture.putBack(1, before)).toBe(false);
    fixture.request(1);
    await fixture.onlyRequest().answer(grant(10, 90, before));
    expect([fixture.take(5), fixture.putBack(2, WINDOW), fixture.take(1)]).toEqual([5, true, 6]);
    expect([fixture.putBack(2, WINDOW - 1), fixture.take(1)]).toEqual([true, 5]);
    expect([fixture.putBack(2, WINDOW + MINUTE), fixture.take(1)]).toEqual([false, 4]);
  });

  it('is discarded together with the grant in flight, whose units are not returned', async () => {
    fixture.request(1);
    await fixture.onlyRequest().answer(grant(10));
    fixture.request(50, 'b');
    const underWay = fixture.onlyRequest();
    fixture.leases.discard({ policy, subject: 'ada' });
    expect(fixture.take(1)).toBe('unknown');
    await underWay.answer(grant(40, 50));
    expect(fixture.notified).toEqual(['a', 'b']);
    expect(fixture.take(1)).toBe('unknown');
    expect(fixture.returned).toEqual([]);
  });

  it('takes back no more than it was granted, because units charged before a reset are in no count', async () => {
    await fixture.hold('ada', 10);
    expect(fixture.take(10)).toBe(0);
    fixture.leases.discard({ policy, subject: 'ada' });
    await fixture.hold('ada', 10);
    expect([fixture.take(1), fixture.putBack(10, WINDOW), fixture.take(1)]).toEqual([9, true, 9]);
    fixture.request(20);
    await fixture.onlyRequest().answer(grant(11, 69));
    expect([fixture.putBack(2, WINDOW), fixture.take(1)]).toEqual([true, 20]);
  });

  it('belongs to one limit and period: policies of the same name that differ in these have leases of their own', async () => {
    fixture.request(1);
    await fixture.onlyRequest().answer(grant(10));
    expect(fixture.take(1, 'ada', make(50, 10))).toBe('unknown');
    expect(fixture.take(1, 'ada', make(100, 20))).toBe(9);
    expect(fixture.take(1, 'eve')).toBe('unknown');
  });
});
