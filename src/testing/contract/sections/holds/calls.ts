import assert from 'node:assert/strict';
import type { HoldRequest } from '../../../../backends/hold-store.js';
import type { Charge, ChargeMode } from '../../../../core/decision.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { defineBudget, defineConcurrency } from '../../../../strategies/held/define-held-policy.js';
import { assertFails, assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';
import { ALIGNED_MS, type HoldsBench, holdsCase } from './holds-bench.js';

const two = defineConcurrency('export', 2);
const tokens = defineBudget('llm', { budget: '500/min' });
const api = definePolicy('api', { rate: '3/min', strategy: 'fixed-window' });

const charge = (cost = 1, mode?: ChargeMode, subject = 'ada'): Charge => ({
  policy: api,
  subject,
  cost,
  ...(mode !== undefined && { mode }),
});

/** Holds and charges that are decided together. */
export function callsWithHolds(suite: Suite<Bench>): void {
  suite.group('a call with holds', () => {
    allOrNone(suite);
    answers(suite);
    refused(suite);
  });
}

/** Returns the remaining permits, tokens and units of the rate. */
async function leftOf(exports: HoldsBench): Promise<readonly number[]> {
  const { decisions } = await exports.store.peek(
    [exports.request(0, 0), exports.of(tokens).request(0, 0)],
    [charge(0)],
  );
  return decisions.map(({ remaining }) => remaining);
}

function allOrNone(suite: Suite<Bench>): void {
  holdsCase(suite, 'takes permits, tokens and charges together', two, async (exports) => {
    const { store } = exports;
    const outcome = await store.take([exports.request(1), exports.of(tokens).request(1, 400)], [charge(2)]);
    assert.equal(outcome.allowed, true);
    assert.deepEqual(
      outcome.decisions.map(({ policy, remaining }) => [policy, remaining]),
      [
        ['export', 1],
        ['llm', 100],
        ['api', 1],
      ],
    );
    assert.equal(outcome.binding?.policy, 'llm');
    assert.equal(outcome.receipt?.at, ALIGNED_MS);
    assert.deepEqual(outcome.receipt?.charges, [charge(2)]);
    assert.deepEqual(await leftOf(exports), [1, 100, 1]);
  });

  holdsCase(suite, 'takes no permit if a rate denies', two, async (exports) => {
    const { store } = exports;
    await store.take([exports.request(1)], [charge(3)]);
    const { allowed, decisions, binding, receipt } = await store.take(
      [exports.request(2), exports.of(tokens).request(2, 400)],
      [charge(1)],
    );
    assert.equal(allowed, false);
    assert.deepEqual(
      decisions.map((decision) => [decision.allowed, decision.remaining]),
      [
        [true, 1],
        [true, 500],
        [false, 0],
      ],
    );
    assert.equal(binding?.policy, 'api');
    assert.equal(receipt, undefined);
    assert.deepEqual(await leftOf(exports), [1, 500, 0]);
    assert.deepEqual(await store.extend([exports.reference(2), exports.reference(1)], 1000), [false, true]);
  });

  holdsCase(suite, 'consumes no rate if a permit denies', two, async (exports) => {
    const { store } = exports;
    await exports.take(1, 2);
    const { allowed, decisions, binding } = await store.take(
      [exports.of(tokens).request(2, 400), exports.request(2)],
      [charge(1), charge(1, 'record'), charge(1, 'monitor'), charge(4, 'monitor')],
    );
    assert.equal(allowed, false);
    assert.deepEqual(
      decisions.map((decision) => [decision.allowed, decision.remaining]),
      [
        [true, 500],
        [false, 0],
        [true, 3],
        [true, 3],
        [true, 3],
        [false, 3],
      ],
    );
    assert.equal(binding?.policy, 'export');
    assert.deepEqual(await leftOf(exports), [0, 500, 3]);
  });

  holdsCase(suite, 'takes no permit if another hold of the call denies, in either order', two, async (exports) => {
    const { store } = exports;
    const all = [exports.of(tokens).request(1, 501), exports.request(1)];
    for (const holds of [all, [...all].reverse()]) {
      assert.equal((await store.take(holds, [charge(1)])).allowed, false);
      assert.deepEqual(await leftOf(exports), [2, 500, 3]);
    }
  });

  holdsCase(suite, 'is all or none over several subjects', two, async (exports) => {
    const { store } = exports;
    const others = ['bob', 'cy', 'dan'].map((subject) => exports.of(two, subject));
    await exports.of(two, 'dan').take(1, 2);
    const holds = [exports, ...others].map((one) => one.request(5));
    const charges = [charge(1), charge(1, 'enforce', 'bob'), charge(1, 'monitor', 'eve')];
    const denied = await store.take(holds, charges);
    assert.equal(denied.allowed, false);
    assert.deepEqual(
      denied.decisions.map((decision) => [decision.allowed, decision.remaining]),
      [
        [true, 2],
        [true, 2],
        [true, 2],
        [false, 0],
        [true, 3],
        [true, 3],
        [true, 3],
      ],
    );
    for (const one of [exports, ...others.slice(0, 2)]) assert.equal(await one.left(), 2);
    const taken = await store.take(holds.slice(0, 3), charges);
    assert.equal(taken.allowed, true);
    assert.deepEqual(
      taken.decisions.map(({ remaining }) => remaining),
      [1, 1, 1, 2, 2, 2],
    );
    assert.deepEqual(
      taken.receipt?.charges.map(({ subject, cost }) => [subject, cost]),
      [
        ['ada', 1],
        ['bob', 1],
        ['eve', 1],
      ],
    );
    assert.deepEqual(await store.end(holds.map((hold) => ({ ...hold, units: 0 }))), [true, true, true, false]);
  });

  holdsCase(suite, 'denies holds of one budget whose sum is too large', two, async (exports) => {
    const { store } = exports;
    const { allowed, decisions } = await store.take([exports.request(1), exports.request(2, 2)], []);
    assert.equal(allowed, false);
    assertMembers(decisions[0], { allowed: true, remaining: 2 });
    assertMembers(decisions[1], { allowed: false, remaining: 2, retryAfterMs: null });
    assert.equal(await exports.left(), 2);
  });

  holdsCase(suite, 'admits no more at once than both of its limits', two, async (exports) => {
    const { store } = exports;
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, id) => store.take([exports.request(id)], [charge(1)])),
    );
    assert.equal(all.filter(({ allowed }) => allowed).length, 2);
    assert.deepEqual(await leftOf(exports), [0, 500, 1]);
  });
}

function answers(suite: Suite<Bench>): void {
  holdsCase(suite, 'peeks at the outcome that it then has, and writes nothing', two, async (exports) => {
    const { store, clock } = exports;
    await exports.take(1, 1, 1000);
    await exports.of(tokens).take(1, 300, 1000);
    clock.advance(1000);
    const holds: readonly HoldRequest[] = [exports.request(1), exports.of(tokens).request(7, 200)];
    for (const cost of [1, 5]) {
      const peeked = await store.peek(holds, [charge(cost)]);
      assert.deepEqual(await store.peek(holds, [charge(cost)]), peeked);
      assert.deepEqual(await store.extend(holds, 1000), [false, false]);
      const { receipt: _, ...taken } = await store.take(holds, [charge(cost)]);
      assert.deepEqual(taken, peeked);
      for (const hold of holds) await store.end([{ ...hold, units: 0 }]);
    }
  });

  holdsCase(suite, 'takes its charges once if it is sent again with the same ids', two, async (exports) => {
    const { store } = exports;
    const holds = [exports.request(1), exports.of(tokens).request(1, 400)];
    await store.take(holds, [charge(2)]);
    const again = await store.take(holds, [charge(2)]);
    assert.equal(again.allowed, true);
    assert.equal(again.receipt, undefined);
    assert.deepEqual(
      again.decisions.map(({ remaining }) => remaining),
      [1, 100, 1],
    );
    const other = await store.take([exports.request(1), exports.request(2)], [charge(1)]);
    assert.deepEqual([other.allowed, ...other.decisions.map(({ remaining }) => remaining)], [true, 1, 0, 0]);
  });

  holdsCase(suite, 'settles its charges by the receipt, and frees its permits by their ids', two, async (exports) => {
    const { store, backend } = exports;
    const { receipt } = await store.take([exports.request(1)], [charge(2)]);
    assert.ok(receipt, 'expected a receipt of a charge that was taken');
    await backend.settle(receipt, [1]);
    assert.deepEqual(await leftOf(exports), [1, 500, 2]);
    assert.equal(await exports.end(1), true);
    assert.deepEqual(await leftOf(exports), [2, 500, 2]);
    await store.take([], [charge(2)]);
    assert.deepEqual(await leftOf(exports), [2, 500, 0]);
  });

  holdsCase(suite, 'has no binding decision without charges and holds', two, async ({ store }) => {
    assertMembers(await store.take([], []), { allowed: true, binding: null });
    const { decisions } = await store.take([], [charge(1)]);
    assertMembers(decisions[0], { allowed: true, remaining: 2 });
  });

  suite.case('loses its holds when their budgets are reset', async ({ open }) => {
    const { backend } = await open(ALIGNED_MS);
    const { holds } = backend;
    if (holds === undefined) return;
    const request = { policy: tokens, subject: 'ada', id: 1, units: 400, ttlMs: 1000 };
    await holds.take([request, { ...request, subject: 'bob' }, { ...request, policy: two, units: 2 }], []);
    await holds.take([{ ...request, id: 2, units: 50 }], []);
    await holds.end([{ ...request, id: 2, units: 50 }]);
    await backend.reset([request, { policy: two, subject: 'ada' }]);
    assert.deepEqual(await holds.extend([request, { ...request, policy: two }], 1000), [false, false]);
    const { decisions } = await holds.peek(
      [request, { ...request, subject: 'bob' }, { ...request, policy: two }].map((one) => ({ ...one, units: 0 })),
      [],
    );
    assert.deepEqual(
      decisions.map(({ remaining }) => remaining),
      [500, 100, 2],
    );
  });
}

const INVALID: readonly (readonly [what: string, more: object])[] = [
  ['an id below 0', { id: -1 }],
  ['an id of 2^53', { id: 2 ** 53 }],
  ['an id of half', { id: 0.5 }],
  ['an id that is no number', { id: '1' }],
  ['units below 0', { units: -1 }],
  ['half a unit', { units: 1.5 }],
  ['units that are no number', { units: '1' }],
  ['2^53 units', { units: 2 ** 53 }],
  ['a time of 0', { ttlMs: 0 }],
  ['a time of half a millisecond', { ttlMs: 0.5 }],
  ['a time above 30 days', { ttlMs: 30 * 86_400_000 + 1 }],
];

function refused(suite: Suite<Bench>): void {
  for (const [what, more] of INVALID) {
    holdsCase(suite, `refuses ${what} with a RangeError, and takes nothing`, two, async (exports) => {
      const { store } = exports;
      const bad = { ...exports.request(1), ...more };
      for (const holds of [[bad], [exports.request(2), bad]]) {
        await assertFails(() => Reflect.apply(store.take, store, [holds, [charge(1)]]), 'RangeError');
      }
      assert.deepEqual(await leftOf(exports), [2, 500, 3]);
    });
  }

  holdsCase(suite, 'refuses an invalid cost, and takes nothing', two, async (exports) => {
    await assertFails(() => exports.store.take([exports.request(1)], [charge(-1)]), 'RangeError');
    assert.deepEqual(await leftOf(exports), [2, 500, 3]);
  });

  holdsCase(suite, 'refuses a policy whose units are not held, and one that is leased', two, async (exports) => {
    const { store } = exports;
    const leased = definePolicy('api', { rate: '100/min', strategy: 'fixed-window', lease: { batch: 5 } });
    const of = { ...exports.request(1), policy: api };
    await assertFails(() => store.take([of], []), 'ThrottleConfigError', '"api"', 'cannot be held');
    await assertFails(() => store.extend([of], 1000), 'ThrottleConfigError', '"api"');
    await assertFails(() => store.end([of]), 'ThrottleConfigError', '"api"');
    await assertFails(() => store.grow(of, 1), 'ThrottleConfigError', '"api"');
    const charges = [{ ...charge(1), policy: leased }];
    await assertFails(() => store.take([exports.request(1)], charges), 'ThrottleConfigError', '"api"', 'lease');
    assert.deepEqual(await leftOf(exports), [2, 500, 3]);
  });
}
