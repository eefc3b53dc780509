import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Charge } from '../../../../core/decision.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { assertFails } from '../../harness/assertions.js';
import { type Bench, take } from '../../harness/bench.js';
import { tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

const a = tenPerSecond('a', 'fixed-window');
const b = tenPerSecond('b', 'fixed-window');
const leased = definePolicy('leased', { rate: '10/s', strategy: 'fixed-window', lease: { batch: 1 } });

const [ofA, ofB]: readonly [Charge, Charge] = [
  { policy: a, subject: 'ada', cost: 1 },
  { policy: b, subject: 'ada', cost: 1 },
];

async function left(backend: Backend): Promise<readonly number[]> {
  const { decisions } = await backend.peek([ofA, ofB].map((charge) => ({ ...charge, cost: 0 })));
  return decisions.map(({ remaining }) => remaining);
}

const INVALID: readonly (readonly [what: string, member: string, more: object])[] = [
  ['an unknown mode', 'mode', { mode: 'observe' }],
  ['a mode of null', 'mode', { mode: null }],
  ['arguments that are no list', 'arguments', { arguments: 5 }],
  ['a fraction as an argument', 'arguments[1]', { arguments: [1, 0.5] }],
  ['a negative argument', 'arguments[0]', { arguments: [-1] }],
];

const UNTAKEABLE: readonly (readonly [what: string, charge: Charge])[] = [
  ['arguments that its strategy does not have', { ...ofA, arguments: [1] }],
  ['overrides, if the backend stores no settings', { ...ofA, overriddenBy: ['org:1'] }],
  ['a mode, of a leased policy', { ...ofA, policy: leased, mode: 'record' }],
  ['a monitor, of a leased policy', { ...ofA, policy: leased, mode: 'monitor' }],
];

/** Charges that are errors, of the caller or of the configuration. */
export function refusedCharges(suite: Suite<Bench>): void {
  for (const method of ['spend', 'peek'] as const) {
    suite.group(`before anything else ${method}`, () => refusedBy(method, suite));
  }
}

function refusedBy(method: 'spend' | 'peek', suite: Suite<Bench>): void {
  refusesTwoOverrides(method, suite);
  for (const [what, member, more] of INVALID) {
    suite.case(`refuses ${what} with a RangeError, and takes nothing`, async ({ open }) => {
      const { backend } = await open();
      const bad = { ...ofB, ...more };
      for (const charges of [[bad], [ofA, bad], [bad, ofA]]) {
        await assertFails(() => Reflect.apply(backend[method], backend, [charges]), 'RangeError', '"b"', member);
      }
      assert.deepEqual(await left(backend), [10, 10]);
    });
  }

  for (const [what, charge] of UNTAKEABLE) {
    suite.case(`refuses ${what} with an error that names the policy, and takes nothing`, async ({ open }) => {
      const { backend } = await open();
      if (charge.overriddenBy !== undefined && backend.settings !== undefined) return;
      for (const charges of [[charge], [ofB, charge], [charge, ofB]]) {
        await assertFails(() => backend[method](charges), 'ThrottleConfigError', `"${charge.policy.name}"`);
      }
      assert.deepEqual(await left(backend), [10, 10]);
    });
  }
}

/** Refuses two charges on one budget that have overrides of different subjects: its rate would be ambiguous. */
function refusesTwoOverrides(method: 'spend' | 'peek', suite: Suite<Bench>): void {
  suite.case(
    'refuses two overrides of one budget with an error that names the policy, and takes nothing',
    async (bench) => {
      const { backend } = await bench.open();
      const { settings } = backend;
      if (settings === undefined) return;
      const overridden = (...overriddenBy: readonly string[]): Charge => ({ ...ofB, overriddenBy });
      for (const subject of ['org:1', 'org:2']) {
        const periodMs = subject === 'org:1' ? 30_000 : 90_000;
        const rate = { strategy: 'fixed-window', limit: 5, periodMs, burst: 5, segments: 1 };
        await settings.setOverride({ policy: 'b', subject, rate });
      }
      for (const others of [['org:2'], ['org:2', 'org:1'], ['org:1', 'org:2']]) {
        for (const charges of [
          [overridden('org:1'), overridden(...others)],
          [ofA, overridden(...others), { ...overridden('org:1'), mode: 'monitor' } as const],
        ]) {
          await assertFails(() => backend[method](charges), 'ThrottleConfigError', '"b"', 'overriddenBy');
        }
      }
      assert.deepEqual(await left(backend), [10, 10]);
      // Charges of other subjects, and charges without overrides, are allowed.
      const outcome = await backend[method]([
        overridden('org:1'),
        overridden('org:1'),
        ofB,
        { ...overridden('org:2'), subject: 'bob' },
      ]);
      assert.deepEqual(
        outcome.decisions.map(({ windowMs }) => windowMs),
        [30_000, 30_000, 1000, 90_000],
      );
    },
  );
}

/** A backend without modes throws an error that says so, and takes nothing. */
export function missingModes(suite: Suite<Bench>): void {
  const unsupported: readonly (readonly [what: string, charge: Charge])[] = [
    ['record', { ...ofA, mode: 'record' }],
    ['monitor', { ...ofA, mode: 'monitor' }],
    ['arguments', { ...ofA, arguments: [1] }],
  ];
  suite.group('a backend without modes', () => {
    for (const [what, charge] of unsupported) {
      suite.case(`refuses ${what} with a configuration error, and takes nothing`, async ({ open }) => {
        const { backend } = await open();
        for (const charges of [[charge], [ofB, charge]]) {
          await assertFails(() => backend.spend(charges), 'ThrottleConfigError');
          await assertFails(() => backend.peek(charges), 'ThrottleConfigError');
        }
        assert.deepEqual(await left(backend), [10, 10]);
      });
    }

    suite.case('refuses a settlement above what was taken, and the receipt can still be settled', async ({ open }) => {
      const { backend } = await open();
      const receipt = await take(backend, ofA, { ...ofB, cost: 2 });
      await assertFails(() => backend.settle(receipt, [0, 3]), 'ThrottleConfigError');
      assert.deepEqual(await left(backend), [9, 8]);
      await backend.settle(receipt, [0, 0]);
      assert.deepEqual(await left(backend), [10, 10]);
    });
  });
}
