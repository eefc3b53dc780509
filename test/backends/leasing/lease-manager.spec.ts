import { beforeEach, describe, expect, it } from '@jest/globals';
import { Desk, grant, MINUTE, make, policy, WINDOW } from './scripted-grants.js';

let desk: Desk;

beforeEach(() => {
  desk = new Desk();
});

describe('a lease', () => {
  it('is not there until it is asked for, then is spent unit by unit, and told to be short when it is', async () => {
    expect(desk.take(1)).toBe('unknown');
    desk.ask(1);
    await desk.only().answer(grant(10));
    expect(desk.woken).toEqual(['a']);
    expect([desk.take(4), desk.take(6), desk.take(1)]).toEqual([6, 0, 'unknown']);
  });

  it.each([
    ['the batch', 1, 10],
    ['what is lacking, where that is more', 25, 25],
    ['the limit at most', 100, 100],
  ])('is asked for in the size of %s', (_, cost, wanted) => {
    desk.ask(cost);
    expect(desk.only().wanted).toBe(wanted);
  });

  it('is asked for less what is held', async () => {
    desk.ask(1);
    await desk.only().answer(grant(10));
    desk.ask(25);
    expect(desk.only().wanted).toBe(15);
  });

  it('counts until 0.1 % before the end of its window, counted from before it was asked for, and not a millisecond longer', async () => {
    desk.ask(1);
    desk.now += 300;
    await desk.only().answer(grant(10));
    // The window had more than 49 999 ms left, of which 49 ms and a bit are the margin.
    desk.now = 5_000_000 + 49_949;
    expect(desk.take(1)).toBe('unknown');
    desk.now -= 1;
    expect(desk.take(1)).toBe(9);
  });

  it('is replaced by one of another window, and added to by one of the same', async () => {
    desk.ask(1);
    await desk.only().answer(grant(10));
    desk.ask(20);
    await desk.only().answer(grant(10, 80));
    expect(desk.take(1)).toBe(19);
    desk.now += 50_000;
    desk.ask(1);
    await desk.only().answer(grant(10, 90, WINDOW + MINUTE));
    expect(desk.take(1)).toBe(9);
    expect(desk.given).toEqual([]);
  });

  it('counts again where a later one shows that its window lasts', async () => {
    desk.ask(1);
    await desk.only().answer(grant(10));
    desk.now += 49_990;
    expect(desk.take(1)).toBe('unknown');
    desk.ask(1);
    expect(desk.asked[0]?.wanted).toBe(10);
    await desk.only().answer(grant(10, 80, WINDOW + 59_500));
    expect(desk.take(1)).toBe(19);
  });

  it('of an older window than the one held is void, and given back', async () => {
    desk.ask(1);
    await desk.only().answer(grant(10, 90, WINDOW + MINUTE));
    desk.ask(20);
    const late = grant(10, 80, WINDOW + MINUTE - 1);
    await desk.only().answer(late);
    expect(desk.take(1)).toBe(9);
    expect(desk.given).toEqual([{ at: late.at, charges: [{ policy, subject: 'ada', cost: 10 }] }]);
  });

  it('that comes too late to be of use is asked for again', async () => {
    desk.ask(1);
    const at = WINDOW + MINUTE - 1;
    await desk.only().answer(grant(10, 90, at));
    expect(desk.take(1)).toBe('unknown');
  });

  it('is asked for once at a time, for all who wait, in their order, and the next time for those who still lack', async () => {
    for (const who of ['a', 'b', 'c']) desk.ask(8, who);
    const first = desk.only();
    expect(first.wanted).toBe(10);
    desk.ask(90, 'd');
    await first.answer(grant(10));
    expect(desk.woken).toEqual(['a', 'b', 'c', 'd']);
    // Those who look again in that order ask for the ones behind them, too.
    desk = new Desk();
    const retry = (who: string, cost: number) => {
      if (desk.take(cost) === 'unknown') desk.leases.request(policy, 'ada', cost, () => retry(who, cost));
      else desk.woken.push(`${who} spent`);
    };
    for (const who of ['e', 'f', 'g']) retry(who, 8);
    await desk.only().answer(grant(10));
    expect(desk.woken).toEqual(['e spent']);
    const second = desk.only();
    expect(second.wanted).toBe(14);
    await second.answer(grant(14, 76));
    expect(desk.woken).toEqual(['e spent', 'f spent', 'g spent']);
  });

  it('that cannot be had is told to all who wait, and asked for again by the next', async () => {
    desk.ask(1, 'a');
    desk.ask(1, 'b');
    await desk.only().fail(new Error('gone'));
    expect(desk.woken).toEqual(['a: Error: gone', 'b: Error: gone']);
    expect(desk.take(1)).toBe('unknown');
    desk.ask(1, 'c');
    expect(desk.only().wanted).toBe(10);
  });

  it('that the server had too little for is denied for a second, and where it lasts a shorter time until then', async () => {
    desk.ask(10);
    await desk.only().answer(grant(4, 0));
    expect([desk.take(10), desk.take(3)]).toEqual(['denied', 1]);
    desk.now += 999;
    expect(desk.take(2)).toBe('denied');
    desk.now += 1;
    expect(desk.take(2)).toBe('unknown');
    desk.ask(2);
    await desk.only().answer(grant(0, 0, WINDOW + 59_800));
    desk.now += 197;
    expect(desk.take(2)).toBe('denied');
    desk.now += 1;
    expect(desk.take(2)).toBe('unknown');
  });

  it('is denied where the cost is above the limit, and nobody is asked', () => {
    expect(desk.take(101)).toBe('denied');
    expect(desk.take(100)).toBe('unknown');
  });

  it('is put back to in its own window alone', async () => {
    const before = WINDOW + 10_000;
    expect(desk.leases.putBack(policy, 'ada', before, 1)).toBe(false);
    desk.ask(1);
    await desk.only().answer(grant(10, 90, before));
    expect([desk.take(5), desk.leases.putBack(policy, 'ada', WINDOW, 2), desk.take(1)]).toEqual([5, true, 6]);
    expect([desk.leases.putBack(policy, 'ada', WINDOW - 1, 2), desk.take(1)]).toEqual([true, 5]);
    expect([desk.leases.putBack(policy, 'ada', WINDOW + MINUTE, 2), desk.take(1)]).toEqual([false, 4]);
  });

  it('is forgotten with what is under way, which is not given back', async () => {
    desk.ask(1);
    await desk.only().answer(grant(10));
    desk.ask(50, 'b');
    const underWay = desk.only();
    desk.leases.discard(policy.id, 'ada');
    expect(desk.take(1)).toBe('unknown');
    await underWay.answer(grant(40, 50));
    expect(desk.woken).toEqual(['a', 'b']);
    expect(desk.take(1)).toBe('unknown');
    expect(desk.given).toEqual([]);
  });

  it('is put back to no more than it was granted: what was charged before a reset is in no count', async () => {
    await desk.hold('ada', 10);
    expect(desk.take(10)).toBe(0);
    desk.leases.discard(policy.id, 'ada');
    await desk.hold('ada', 10);
    expect([desk.take(1), desk.leases.putBack(policy, 'ada', WINDOW, 10), desk.take(1)]).toEqual([9, true, 9]);
    desk.ask(20);
    await desk.only().answer(grant(11, 69));
    expect([desk.leases.putBack(policy, 'ada', WINDOW, 2), desk.take(1)]).toEqual([true, 20]);
  });

  it('is of one limit and one period: policies of one name that differ in these have their own', async () => {
    desk.ask(1);
    await desk.only().answer(grant(10));
    expect(desk.take(1, 'ada', make(50, 10))).toBe('unknown');
    expect(desk.take(1, 'ada', make(100, 20))).toBe(9);
    expect(desk.take(1, 'eve')).toBe('unknown');
  });
});
