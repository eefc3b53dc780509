import assert from 'node:assert/strict';
import { defineBudget } from '../../../../strategies/held/define-held-policy.js';
import { assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';
import { type HoldsBench, holdsCase } from './holds-bench.js';

const tokens = defineBudget('llm', { budget: '500/min' });
const released = defineBudget('llm', { budget: '500/min', onExpiry: 'release' });
const carried = defineBudget('llm', { budget: '500/min', carryDebt: true });

/** Units reserved from a window, and the units charged for them. */
export function reservations(suite: Suite<Bench>): void {
  suite.group('a token budget', () => {
    settlements(suite);
    expiry(suite);
    turns(suite);
    debts(suite);
    calendars(suite);
  });
}

function settlements(suite: Suite<Bench>): void {
  holdsCase(suite, 'admits six of twenty reservations of 75 against 500 at once', tokens, async (llm) => {
    const all = await Promise.all(Array.from({ length: 20 }, (_, id) => llm.take(id, 75)));
    assert.equal(all.filter(({ allowed }) => allowed).length, 6);
    assert.equal(await llm.left(), 50);
  });

  holdsCase(suite, 'gets back the units by which a settlement is below its estimate', tokens, async (llm) => {
    assertMembers(await llm.take(1, 300), {
      policy: 'llm',
      allowed: true,
      limit: 500,
      remaining: 200,
      resetMs: 60_000,
      windowMs: 60_000,
    });
    assert.equal(await llm.end(1, 120), true);
    assert.equal(await llm.left(), 380);
    assert.deepEqual(await llm.shown(2, 381), [false, 380, 60_000, 60_000]);
    assert.deepEqual(await llm.shown(2, 380), [true, 0, 60_000, 0]);
    assert.equal(await llm.end(2, 0), true);
    assert.equal(await llm.left(), 380);
  });

  holdsCase(suite, 'records in full the units by which a settlement is above its estimate', tokens, async (llm) => {
    await llm.take(1, 300);
    await llm.take(2, 200);
    assert.equal(await llm.end(1, 450), true);
    assert.equal(await llm.left(), 0);
    assert.equal(await llm.end(2, 10), true);
    assert.equal(await llm.left(), 40);
    await llm.take(3, 40);
    assert.equal(await llm.end(3, 2_000_000_000_000_000), true);
    assert.deepEqual(await llm.shown(4, 1), [false, 0, 60_000, 60_000]);
  });

  holdsCase(suite, 'charges a hold once, at its first end', tokens, async (llm) => {
    await llm.take(1, 300);
    assert.equal(await llm.end(1, 100), true);
    assert.equal(await llm.end(1, 200), false);
    assert.equal(await llm.end(2, 50), false);
    assert.equal(await llm.left(), 400);
    await llm.take(1, 300);
    assert.equal(await llm.left(), 100);
  });

  holdsCase(suite, 'never serves more than is held, in chunks of any size', tokens, async (llm) => {
    for (const [i, chunk] of [1, 7, 64, 500].entries()) {
      const id = i + 1;
      assert.equal((await llm.take(id, chunk)).allowed, true);
      let served = 0;
      let units = chunk;
      while (served <= 500 && (await llm.grow(id, units))) {
        served = units;
        units += chunk;
      }
      assert.equal(served, 500 - (500 % chunk));
      assert.equal(await llm.left(), 500 % chunk);
      assert.equal(await llm.grow(id, served), true);
      assert.equal(await llm.end(id, served), true);
      assert.equal(await llm.left(), 500 % chunk);
      assert.equal(await llm.grow(id, served), undefined);
      llm.clock.advance(60_000);
    }
  });

  holdsCase(suite, 'never shrinks a hold, and returns the cost of growing it', tokens, async (llm) => {
    await llm.take(1, 100);
    assertMembers(await llm.store.grow(llm.reference(1), 50), { allowed: true, remaining: 400 });
    assertMembers(await llm.store.grow(llm.reference(1), 150), { allowed: true, remaining: 350, limit: 500 });
    assertMembers(await llm.store.grow(llm.reference(1), 501), {
      allowed: false,
      remaining: 350,
      retryAfterMs: null,
      reason: 'budget',
    });
    assert.equal(await llm.left(), 350);
  });
}

function expiry(suite: Suite<Bench>): void {
  holdsCase(suite, 'is charged for a hold that expires', tokens, async (llm) => {
    await llm.take(1, 300, 10_000);
    llm.clock.advance(9_999);
    assert.deepEqual(await llm.shown(2, 201), [false, 200, 50_001, 50_001]);
    llm.clock.advance(1);
    assert.equal(await llm.left(), 200);
    assert.equal(await llm.end(1, 50), false);
    assert.equal(await llm.extend(1), false);
    assert.equal(await llm.grow(1, 400), undefined);
    assert.equal(await llm.left(), 200);
    assert.deepEqual(await llm.shown(2, 201), [false, 200, 50_000, 50_000]);
    llm.clock.advance(50_000);
    assert.equal(await llm.left(), 500);
  });

  holdsCase(suite, 'gets back the units of a hold that expires, with `release`', released, async (llm) => {
    await llm.take(1, 300, 10_000);
    await llm.take(2, 100, 20_000);
    assert.deepEqual(await llm.shown(3, 400), [false, 100, 20_000, 10_000]);
    assert.deepEqual(await llm.shown(3, 401), [false, 100, 20_000, 20_000]);
    llm.clock.advance(10_000);
    assert.equal(await llm.left(), 400);
    assert.equal(await llm.end(1, 300), false);
    assert.equal(await llm.left(), 400);
  });

  holdsCase(suite, 'charges the window in which a hold expired, even if that is noticed later', tokens, async (llm) => {
    await llm.take(1, 300, 59_999);
    await llm.take(2, 100, 60_000);
    llm.clock.advance(60_000);
    // The first expired in the previous window, the second at the first instant of this one.
    assert.equal(await llm.left(), 400);
    llm.clock.advance(60_000);
    assert.equal(await llm.left(), 500);
  });
}

function turns(suite: Suite<Bench>): void {
  holdsCase(
    suite,
    'keeps an open hold in the next window, and charges the window in which it ends',
    tokens,
    async (llm) => {
      await llm.take(1, 300, 120_000);
      await llm.take(2, 100, 120_000);
      assert.equal(await llm.end(2, 100), true);
      assert.deepEqual(await llm.shown(3, 150), [false, 100, 180_000, 60_000]);
      llm.clock.advance(60_000);
      assert.deepEqual(await llm.shown(3, 201), [false, 200, 120_000, 120_000]);
      assert.equal(await llm.end(1, 350), true);
      assert.equal(await llm.left(), 150);
      llm.clock.advance(59_999);
      assert.equal(await llm.left(), 150);
      llm.clock.advance(1);
      assert.equal(await llm.left(), 500);
    },
  );

  holdsCase(suite, 'waits for a hold that will be charged until the window after its expiry', tokens, async (llm) => {
    await llm.take(1, 400, 70_000);
    assert.deepEqual(await llm.shown(2, 100, 5000), [true, 0, 120_000, 0]);
    assert.deepEqual(await llm.shown(3, 100), [false, 0, 120_000, 60_000]);
    assert.deepEqual(await llm.shown(3, 101), [false, 0, 120_000, 120_000]);
    assert.deepEqual(await llm.shown(3, 501), [false, 0, 120_000, null]);
  });
}

function debts(suite: Suite<Bench>): void {
  const overrun = async (llm: HoldsBench, units: number) => {
    await llm.take(1, 100);
    await llm.end(1, units);
  };

  holdsCase(suite, 'drops units above the limit when the window ends', tokens, async (llm) => {
    await overrun(llm, 700);
    llm.clock.advance(60_000);
    assert.equal(await llm.left(), 500);
  });

  holdsCase(suite, 'takes units above the limit from the next window only, with `carryDebt`', carried, async (llm) => {
    await overrun(llm, 700);
    assert.deepEqual(await llm.shown(2, 300), [false, 0, 60_000, 60_000]);
    assert.deepEqual(await llm.shown(2, 301), [false, 0, 60_000, 120_000]);
    llm.clock.advance(60_000);
    assert.equal(await llm.left(), 300);
    await llm.take(2, 300);
    await llm.end(2, 300);
    assert.equal(await llm.left(), 0);
    llm.clock.advance(60_000);
    assert.equal(await llm.left(), 500);
  });

  holdsCase(suite, 'takes at most all units of the next window', carried, async (llm) => {
    await overrun(llm, 5000);
    assert.deepEqual(await llm.shown(2, 1), [false, 0, 60_000, 120_000]);
    llm.clock.advance(60_000);
    assert.equal(await llm.left(), 0);
    llm.clock.advance(60_000);
    assert.equal(await llm.left(), 500);
  });

  holdsCase(suite, 'drops a debt in a window without any call', carried, async (llm) => {
    await overrun(llm, 900);
    llm.clock.advance(120_000);
    assert.equal(await llm.left(), 500);
  });

  holdsCase(suite, 'carries what expired holds leave above the limit', carried, async (llm) => {
    await llm.take(1, 300, 10_000);
    await llm.take(2, 200, 10_000);
    await llm.end(2, 400);
    llm.clock.advance(60_000);
    assert.equal(await llm.left(), 300);
  });
}

function calendars(suite: Suite<Bench>): void {
  const monthly = defineBudget('llm', { budget: '500/month', rollover: 100, timeZone: 'Europe/Berlin' });
  const at = Date.parse('2026-03-30T12:00Z');
  const days = 86_400_000;
  const turn = Date.parse('2026-03-31T22:00Z') - at;

  holdsCase(
    suite,
    'is counted in the windows of a calendar, with rollover',
    monthly,
    async (llm) => {
      assertMembers(await llm.take(1, 300, 20 * days), {
        allowed: true,
        limit: 600,
        remaining: 300,
        resetMs: turn + 30 * days,
        windowMs: 31 * days - 3_600_000,
        window: { startMs: Date.parse('2026-02-28T23:00Z'), endMs: at + turn, used: 0 },
      });
      await llm.take(2, 250, days);
      await llm.end(2, 250);
      assert.deepEqual(await llm.shown(3, 301), [false, 50, turn + 30 * days, turn + 30 * days]);
      assert.deepEqual(await llm.shown(3, 300), [false, 50, turn + 30 * days, turn]);
      llm.clock.advance(turn);
      // 350 units of March are unused, 100 of them are carried, and 300 are held.
      assert.equal(await llm.left(), 300);
      assert.equal(await llm.end(1, 550), true);
      assert.equal(await llm.left(), 50);
      llm.clock.advance(30 * days);
      assert.equal(await llm.left(), 550);
    },
    at,
  );
}
