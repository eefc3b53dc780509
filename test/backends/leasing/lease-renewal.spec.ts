import { beforeEach, describe, expect, it } from '@jest/globals';
import { grant, LeaseFixture, MINUTE, make, turns, WINDOW } from './lease-fixture.js';

const hundred = make(10_000, 100);
let fixture: LeaseFixture;

/** Spends single units at an interval. */
function spend(units: number, everyMs: number): void {
  for (let i = 0; i < units; i++) {
    fixture.nowMs += everyMs;
    expect(typeof fixture.take(1, 'ada', hundred)).toBe('number');
  }
}

/** Requests a grant, whose round trip takes `tripMs`. */
async function waitForGrant(tripMs: number, remaining = 9000, at?: number): Promise<void> {
  fixture.request(1, 'a', 'ada', hundred);
  fixture.nowMs += tripMs;
  await fixture.onlyRequest().answer(grant(100, remaining, at));
}

beforeEach(async () => {
  fixture = new LeaseFixture();
  // The first two grants of a window. The second one shows that the first was not enough.
  await waitForGrant(5);
  spend(100, 1);
  expect(fixture.requests).toEqual([]);
  await waitForGrant(5);
});

describe('a lease that is spent quickly', () => {
  it('is renewed two round trips before it is used up, so that no call waits', async () => {
    spend(89, 1);
    expect(fixture.requests).toEqual([]);
    spend(1, 1);
    const renewal = fixture.onlyRequest();
    // A batch, and the units spent in the 5 ms until the grant arrives.
    expect(renewal.wanted).toBe(105);
    spend(5, 1);
    await renewal.answer(grant(105));
    expect(fixture.take(1, 'ada', hundred)).toBe(109);
  });

  it('is not renewed before a third of it is left, however quickly it is spent', () => {
    spend(66, 0);
    expect(fixture.requests).toEqual([]);
    spend(1, 0);
    // Three batches at most.
    expect(fixture.onlyRequest().wanted).toBe(300);
  });

  it('is renewed once per grant: after a failure the next call that lacks units requests a grant, and gets its error', async () => {
    spend(90, 1);
    await fixture.onlyRequest().fail(new Error('gone'));
    spend(10, 1);
    expect(fixture.requests).toEqual([]);
    expect(fixture.take(1, 'ada', hundred)).toBe('unknown');
    fixture.request(1, 'b', 'ada', hundred);
    await fixture.onlyRequest().fail(new Error('gone, too'));
    expect(fixture.notified).toEqual(['a', 'a', 'b: Error: gone, too']);
  });

  it('lets calls wait for a renewal in flight instead of requesting another grant', async () => {
    spend(100, 1);
    const renewal = fixture.onlyRequest();
    fixture.request(1, 'b', 'ada', hundred);
    fixture.request(1, 'c', 'ada', hundred);
    expect(fixture.requests).toEqual([]);
    await renewal.answer(grant(105));
    expect(fixture.notified).toEqual(['a', 'a', 'b', 'c']);
  });

  it('drops the old units when it is renewed in the next window', async () => {
    spend(90, 1);
    await fixture.onlyRequest().answer(grant(100, 9900, WINDOW + MINUTE));
    expect(fixture.take(1, 'ada', hundred)).toBe(99);
  });

  it('is idle only after its renewal has arrived', async () => {
    spend(90, 1);
    const renewal = fixture.onlyRequest();
    let isIdle = false;
    void fixture.leases.whenIdle().then(() => {
      isIdle = true;
    });
    await turns();
    expect(isIdle).toBe(false);
    await renewal.answer(grant(105));
    expect(isIdle).toBe(true);
    expect(fixture.leases.takeAll().flatMap(({ charges }) => charges.map(({ cost }) => cost))).toEqual([115]);
  });
});

describe('a lease is not renewed early', () => {
  it('if it is the first grant of its window, which may be all that the window needs', async () => {
    fixture = new LeaseFixture();
    await waitForGrant(5);
    spend(100, 0);
    expect(fixture.requests).toEqual([]);
  });

  it('if it is spent slowly, so that another batch would be left over when the window ends', () => {
    // 49 895 ms are left, at 300 ms per unit: enough for 166 units.
    spend(100, 300);
    expect(fixture.requests).toEqual([]);
  });

  it('if the window ends before another batch would be spent', async () => {
    fixture = new LeaseFixture();
    await waitForGrant(5, 9000, WINDOW + MINUTE - 300);
    spend(100, 1);
    await waitForGrant(5, 9000, WINDOW + MINUTE - 195);
    spend(100, 1);
    expect(fixture.requests).toEqual([]);
  });

  it('if the server has less than a batch left', async () => {
    spend(90, 1);
    await fixture.onlyRequest().answer(grant(105, 99));
    spend(115, 1);
    expect(fixture.requests).toEqual([]);
  });

  it('if the units spent were put back', () => {
    for (let i = 0; i < 200; i++) {
      spend(1, 0);
      expect(fixture.putBack(1, WINDOW, hundred)).toBe(true);
    }
    expect(fixture.requests).toEqual([]);
  });
});
