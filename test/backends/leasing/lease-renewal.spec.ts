import { beforeEach, describe, expect, it } from '@jest/globals';
import { Desk, grant, MINUTE, make, turns, WINDOW } from './scripted-grants.js';

const hundred = make(10_000, 100);
let desk: Desk;

/** Spends one unit after the other, so many milliseconds apart. */
function spend(units: number, everyMs: number): void {
  for (let i = 0; i < units; i++) {
    desk.now += everyMs;
    expect(typeof desk.take(1, 'ada', hundred)).toBe('number');
  }
}

/** Waits for a grant, which takes so long. */
async function wait(tripMs: number, remaining = 9000, at?: number): Promise<void> {
  desk.ask(1, 'a', 'ada', hundred);
  desk.now += tripMs;
  await desk.only().answer(grant(100, remaining, at));
}

beforeEach(async () => {
  desk = new Desk();
  // The first two grants of a window, of which the second shows that the first was not enough.
  await wait(5);
  spend(100, 1);
  expect(desk.asked).toEqual([]);
  await wait(5);
});

describe('a lease that is spent fast', () => {
  it('is renewed before it is used up, two round trips ahead, and nobody waits', async () => {
    spend(89, 1);
    expect(desk.asked).toEqual([]);
    spend(1, 1);
    const renewal = desk.only();
    // A batch, and what is spent in the 5 ms until it is there.
    expect(renewal.wanted).toBe(105);
    spend(5, 1);
    await renewal.answer(grant(105));
    expect(desk.take(1, 'ada', hundred)).toBe(109);
  });

  it('is looked at when a third of it is left, however fast it is', () => {
    spend(66, 0);
    expect(desk.asked).toEqual([]);
    spend(1, 0);
    // Never more than three batches.
    expect(desk.only().wanted).toBe(300);
  });

  it('is renewed once a grant: where that fails whoever lacks units asks, and is told of it', async () => {
    spend(90, 1);
    await desk.only().fail(new Error('gone'));
    spend(10, 1);
    expect(desk.asked).toEqual([]);
    expect(desk.take(1, 'ada', hundred)).toBe('unknown');
    desk.ask(1, 'b', 'ada', hundred);
    await desk.only().fail(new Error('gone, too'));
    expect(desk.woken).toEqual(['a', 'a', 'b: Error: gone, too']);
  });

  it('is waited for where it is used up before the renewal is there: nobody asks twice', async () => {
    spend(100, 1);
    const renewal = desk.only();
    desk.ask(1, 'b', 'ada', hundred);
    desk.ask(1, 'c', 'ada', hundred);
    expect(desk.asked).toEqual([]);
    await renewal.answer(grant(105));
    expect(desk.woken).toEqual(['a', 'a', 'b', 'c']);
  });

  it('is renewed into another window, where the old units are worth nothing', async () => {
    spend(90, 1);
    await desk.only().answer(grant(100, 9900, WINDOW + MINUTE));
    expect(desk.take(1, 'ada', hundred)).toBe(99);
  });

  it('that is renewed and closed is waited for', async () => {
    spend(90, 1);
    const renewal = desk.only();
    let isSettled = false;
    void desk.leases.whenIdle().then(() => {
      isSettled = true;
    });
    await turns();
    expect(isSettled).toBe(false);
    await renewal.answer(grant(105));
    expect(isSettled).toBe(true);
    expect(desk.leases.takeAll().flatMap(({ charges }) => charges.map(({ cost }) => cost))).toEqual([115]);
  });
});

describe('a lease is not renewed before it is used up', () => {
  it('where it is the first of its window, which may be all that is used of it', async () => {
    desk = new Desk();
    await wait(5);
    spend(100, 0);
    expect(desk.asked).toEqual([]);
  });

  it('where it is spent slowly: another batch would be left over when the window ends', () => {
    // 49 895 ms are left, at 300 ms a unit: those of 166 units.
    spend(100, 300);
    expect(desk.asked).toEqual([]);
  });

  it('where the window ends before another batch is spent', async () => {
    desk = new Desk();
    await wait(5, 9000, WINDOW + MINUTE - 300);
    spend(100, 1);
    await wait(5, 9000, WINDOW + MINUTE - 195);
    spend(100, 1);
    expect(desk.asked).toEqual([]);
  });

  it('where the server has less than a batch left', async () => {
    spend(90, 1);
    await desk.only().answer(grant(105, 99));
    spend(115, 1);
    expect(desk.asked).toEqual([]);
  });

  it('where what was spent was put back', () => {
    for (let i = 0; i < 200; i++) {
      spend(1, 0);
      expect(desk.leases.putBack(hundred, 'ada', WINDOW, 1)).toBe(true);
    }
    expect(desk.asked).toEqual([]);
  });
});
