import assert from 'node:assert/strict';
import { defineConcurrency } from '../../../../strategies/held/define-held-policy.js';
import { assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';
import { holdsCase } from './holds-bench.js';

const two = defineConcurrency('export', 2);
const five = defineConcurrency('export', 5);

/** How many calls run at a time. */
export function permits(suite: Suite<Bench>): void {
  suite.group('a limit of concurrency', () => {
    lives(suite);
    repeats(suite);
    parallel(suite);
  });
}

function lives(suite: Suite<Bench>): void {
  holdsCase(suite, 'has as many permits as its limit, and gives none out twice', two, async (exports) => {
    const { clock } = exports;
    assertMembers(await exports.take(1), {
      policy: 'export',
      allowed: true,
      limit: 2,
      remaining: 1,
      resetMs: 30_000,
      retryAfterMs: 0,
      delayMs: 0,
      windowMs: 0,
    });
    clock.advance(1000);
    assert.deepEqual(await exports.shown(2), [true, 0, 30_000, 0]);
    assert.deepEqual(await exports.shown(3), [false, 0, 30_000, 29_000]);
    assertMembers(await exports.take(3), { allowed: false, reason: 'concurrency' });
    assert.equal(await exports.end(1), true);
    assert.deepEqual(await exports.shown(3), [true, 0, 30_000, 0]);
    assert.deepEqual(await exports.shown(4), [false, 0, 30_000, 30_000]);
  });

  holdsCase(suite, 'has a permit free again at the instant of its expiry, and not before', two, async (exports) => {
    const { clock } = exports;
    await exports.take(1, 1, 5000);
    await exports.take(2, 1, 8000);
    clock.advance(4999);
    assert.deepEqual(await exports.shown(3), [false, 0, 3001, 1]);
    clock.advance(1);
    assert.equal(await exports.left(), 1);
    assert.deepEqual(await exports.shown(3, 1, 1000), [true, 0, 3000, 0]);
    assert.equal(await exports.end(1), false);
    assert.equal(await exports.left(), 0);
  });

  holdsCase(suite, 'keeps a permit that is extended, and extends none that has expired', two, async (exports) => {
    const { clock } = exports;
    await exports.take(1);
    await exports.take(2);
    for (let beat = 0; beat < 2; beat++) {
      clock.advance(10_000);
      assert.equal(await exports.extend(1), true);
    }
    clock.advance(9999);
    assert.equal(await exports.left(), 0);
    clock.advance(1);
    assert.equal(await exports.extend(2), false);
    assert.equal(await exports.left(), 1);
    assert.equal(await exports.extend(9), false);
    clock.advance(19_999);
    assert.equal(await exports.extend(1), true);
    clock.advance(30_000);
    assert.equal(await exports.extend(1), false);
    assert.equal(await exports.left(), 2);
  });

  holdsCase(suite, 'never lets a permit expire earlier because it is extended', two, async (exports) => {
    await exports.take(1, 2, 30_000);
    assert.equal(await exports.extend(1, 10), true);
    exports.clock.advance(29_999);
    assert.equal(await exports.left(), 0);
    exports.clock.advance(1);
    assert.equal(await exports.left(), 2);
  });

  holdsCase(suite, 'has holds of different weights, and waits for as many as it takes', five, async (exports) => {
    const { clock } = exports;
    await exports.take(1, 2, 10_000);
    clock.advance(1000);
    await exports.take(2, 2, 10_000);
    assert.deepEqual(await exports.shown(3, 2), [false, 1, 10_000, 9000]);
    assert.deepEqual(await exports.shown(3, 4), [false, 1, 10_000, 10_000]);
    assert.deepEqual(await exports.shown(3, 6), [false, 1, 10_000, null]);
    assert.deepEqual(await exports.shown(3, 1, 500), [true, 0, 10_000, 0]);
    await exports.end(1);
    assert.equal(await exports.left(), 2);
    assert.equal(await exports.grow(3, 4), false);
    assert.equal(await exports.grow(3, 3), true);
    assert.equal(await exports.left(), 0);
    await exports.end(3);
    assert.equal(await exports.left(), 3);
  });

  holdsCase(suite, 'charges nothing when it ends', five, async (exports) => {
    await exports.take(1, 2);
    assert.equal(await exports.end(1, 100), true);
    assert.equal(await exports.left(), 5);
  });

  holdsCase(suite, 'is counted separately for each subject and policy', two, async (exports) => {
    await exports.take(1, 2);
    assert.equal(await exports.of(two, 'bob').left(), 2);
    assert.equal(await exports.of(two, 'Ada').left(), 2);
    assert.equal(await exports.of(defineConcurrency('upload', 2)).left(), 2);
    assert.equal(await exports.of(defineConcurrency('export', 2, { scope: 'class:b' })).left(), 2);
    assert.equal(await exports.of(five).left(), 3);
    assert.equal(await exports.of(two, 'bob').end(1), false);
    assert.equal(await exports.left(), 0);
  });

  holdsCase(suite, 'takes no more while it is lowered below what is held', five, async (exports) => {
    await exports.take(1, 4);
    const lowered = exports.of(two);
    assert.equal((await lowered.take(2)).allowed, false);
    assert.equal(await lowered.left(), 0);
    await exports.end(1);
    assert.equal(await lowered.left(), 2);
  });

  const many = defineConcurrency('export', 5000);
  holdsCase(suite, 'has at most 1000 holders', many, async (exports) => {
    const { store, clock } = exports;
    for (let first = 0; first < 1000; first += 100) {
      const holds = Array.from({ length: 100 }, (_, i) => exports.request(first + i, 1, 30_000 + first + i));
      assert.equal((await store.take(holds, [])).allowed, true);
    }
    assert.deepEqual(await exports.shown(1000), [false, 0, 30_999, 30_000]);
    assert.equal(await exports.grow(0, 2), true);
    clock.advance(30_000);
    assert.deepEqual(await exports.shown(1000, 1, 100), [true, 0, 999, 0]);
  });

  holdsCase(suite, 'keeps permits for longer if the clock steps back', two, async (exports) => {
    await exports.take(1, 2, 1000);
    exports.clock.advance(-5000);
    assert.deepEqual(await exports.shown(2), [false, 0, 6000, 6000]);
    exports.clock.advance(6000);
    assert.equal(await exports.left(), 2);
  });
}

function repeats(suite: Suite<Bench>): void {
  holdsCase(suite, 'takes a permit once, even if it is requested again with other values', two, async (exports) => {
    await exports.take(1);
    exports.clock.advance(10_000);
    assert.deepEqual(await exports.shown(1), [true, 1, 20_000, 0]);
    assert.deepEqual(await exports.shown(1, 2), [true, 1, 20_000, 0]);
    await exports.take(2);
    assert.deepEqual(await exports.shown(1), [true, 0, 30_000, 0]);
    assert.equal(await exports.end(1), true);
    assert.equal(await exports.left(), 1);
  });

  holdsCase(suite, 'frees a permit once', two, async (exports) => {
    await exports.take(1);
    await exports.take(2);
    assert.equal(await exports.end(1), true);
    assert.equal(await exports.end(1), false);
    assert.equal(await exports.end(7), false);
    assert.equal(await exports.left(), 1);
  });

  holdsCase(
    suite,
    'does not free the permit of another holder when an expired permit is ended',
    two,
    async (exports) => {
      await exports.take(1, 2, 1000);
      exports.clock.advance(1000);
      await exports.take(2, 2);
      assert.deepEqual(await exports.store.end([{ ...exports.reference(1), units: 0 }]), [false]);
      assert.equal(await exports.left(), 0);
    },
  );

  holdsCase(suite, 'takes and frees an id once, even if a call contains it several times', five, async (exports) => {
    const { store } = exports;
    const one = exports.request(1, 2);
    const { allowed, decisions } = await store.take([one, one, exports.request(2, 3)], []);
    assert.equal(allowed, true);
    assert.deepEqual(
      decisions.map(({ remaining }) => remaining),
      [3, 3, 0],
    );
    assert.deepEqual(
      await store.end([
        { ...one, units: 0 },
        { ...one, units: 0 },
        { ...exports.reference(2), units: 0 },
      ]),
      [true, false, true],
    );
    assert.equal(await exports.left(), 5);
  });

  holdsCase(suite, 'handles ids of any size, in order', five, async (exports) => {
    const ids = [0, 2 ** 53 - 1, 2 ** 31, 2 ** 32 + 1];
    for (const id of ids) assert.equal((await exports.take(id)).allowed, true);
    assert.equal(await exports.end(2 ** 53 - 1), true);
    const references = [...ids, 5].map((id) => exports.reference(id));
    assert.deepEqual(await exports.store.extend(references, 1000), [true, false, true, true, false]);
    assert.deepEqual(await exports.store.extend([], 1000), []);
    assert.deepEqual(await exports.store.end([]), []);
  });
}

function parallel(suite: Suite<Bench>): void {
  holdsCase(suite, 'admits 5 of 50 at once', five, async (exports) => {
    const all = await Promise.all(Array.from({ length: 50 }, (_, id) => exports.take(id)));
    assert.equal(all.filter(({ allowed }) => allowed).length, 5);
    assert.equal(await exports.left(), 0);
  });

  holdsCase(
    suite,
    'frees each of many permits once, even if it is ended several times at once',
    five,
    async (exports) => {
      await Promise.all([1, 2, 3, 4, 5].map((id) => exports.take(id)));
      const ended = await Promise.all([1, 2, 3, 1, 2, 3].map((id) => exports.end(id)));
      assert.equal(ended.filter(Boolean).length, 3);
      assert.equal(await exports.left(), 3);
    },
  );
}
