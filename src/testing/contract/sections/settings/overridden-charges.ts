import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Charge, ChargeMode, Decision } from '../../../../core/decision.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import { STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';
import { rateOf, settingsCase } from './settings-case.js';

/** An instant at which windows of 30, 60 and 120 seconds begin. */
const ALIGNED_MS = Date.UTC(2026, 0, 1);

const fixed = (rate: string) => definePolicy('api', { rate, strategy: 'fixed-window' });

const api = fixed('10/min');
const ofUser = (cost: number, mode?: ChargeMode): Charge => ({
  policy: api,
  subject: 'user:ada',
  cost,
  overriddenBy: ['project:1', 'organisation:1'],
  ...(mode !== undefined && { mode }),
});

const project = { policy: 'api', subject: 'project:1' };
const organisation = { policy: 'api', subject: 'organisation:1' };

/** The rate under which a charge is decided. */
export function overriddenCharges(suite: Suite<Bench>): void {
  suite.group('an overridden charge', () => {
    resolution(suite);
    unlimited(suite);
    calls(suite);
  });
}

/** Returns the compared members of a decision. */
const shown = ({ allowed, limit, remaining, resetMs, retryAfterMs, windowMs }: Decision) => [
  allowed,
  limit,
  remaining,
  resetMs,
  retryAfterMs,
  windowMs,
];

async function spend(backend: Backend, ...charges: readonly Charge[]) {
  const { decisions } = await backend.spend(charges);
  return decisions.map(shown);
}

function resolution(suite: Suite<Bench>): void {
  settingsCase(
    suite,
    'is decided under the most specific override, and under the next one as they are deleted',
    async ({ backend, store, clock }) => {
      await store.setOverride({ ...organisation, rate: rateOf(fixed('20/120s')) });
      await store.setOverride({ ...project, rate: rateOf(fixed('5/30s')) });
      assert.deepEqual(await spend(backend, ofUser(3)), [[true, 5, 2, 30_000, 0, 30_000]]);
      clock.advance(1000);
      assert.deepEqual(await spend(backend, ofUser(3)), [[false, 5, 2, 29_000, 29_000, 30_000]]);
      clock.advance(29_000);
      assert.deepEqual(await spend(backend, ofUser(4)), [[true, 5, 1, 30_000, 0, 30_000]]);

      await store.deleteOverride(project);
      assert.deepEqual(await spend(backend, ofUser(1)), [[true, 20, 19, 90_000, 0, 120_000]]);
      clock.advance(10_000);
      assert.deepEqual(await spend(backend, ofUser(20)), [[false, 20, 19, 80_000, 80_000, 120_000]]);

      await store.deleteOverride(organisation);
      assert.deepEqual(await spend(backend, ofUser(10)), [[true, 10, 0, 20_000, 0, 60_000]]);
      assert.deepEqual(await spend(backend, ofUser(1)), [[false, 10, 0, 20_000, 20_000, 60_000]]);
    },
    ALIGNED_MS,
  );

  settingsCase(suite, 'says which rate an override put in force', async ({ backend, store }) => {
    const rate = rateOf(fixed('5/30s'));
    assert.equal((await backend.peek([ofUser(1)])).decisions[0]?.rate, undefined);
    await store.setOverride({ ...project, rate });
    for (const { decisions } of [await backend.peek([ofUser(1)]), await backend.spend([ofUser(9)])]) {
      assert.deepEqual(decisions[0]?.rate, rate);
    }
    assert.equal((await backend.peek([{ ...ofUser(1), overriddenBy: [] }])).decisions[0]?.rate, undefined);
  });

  settingsCase(
    suite,
    'keeps its usage where an override of the same period lowers the limit, raises it, and expires',
    async ({ backend, store, clock }) => {
      assert.deepEqual(await spend(backend, ofUser(6)), [[true, 10, 4, 60_000, 0, 60_000]]);
      await store.setOverride({ ...project, rate: rateOf(fixed('4/min')) });
      assert.deepEqual(await spend(backend, ofUser(1)), [[false, 4, 0, 60_000, 60_000, 60_000]]);
      await store.setOverride({ ...project, rate: rateOf(fixed('20/min')), expiresInMs: 5000 });
      assert.deepEqual(await spend(backend, ofUser(1)), [[true, 20, 13, 60_000, 0, 60_000]]);
      clock.advance(4999);
      assert.deepEqual(await spend(backend, ofUser(1)), [[true, 20, 12, 55_001, 0, 60_000]]);
      clock.advance(1);
      assert.deepEqual(await spend(backend, ofUser(2)), [[true, 10, 0, 55_000, 0, 60_000]]);
    },
    ALIGNED_MS,
  );

  settingsCase(suite, 'does not apply to another subject or another policy', async ({ backend, store }) => {
    await store.setOverride({ ...project, policy: 'apis', rate: 'unlimited' });
    await store.setOverride({ policy: 'api', subject: 'project:2', rate: 'unlimited' });
    await store.setOverride({ policy: 'api', subject: 'user:ada', rate: 'unlimited' });
    assertMembers((await backend.peek([ofUser(1)])).decisions[0], { limit: 10, rate: undefined, unlimited: undefined });
  });

  settingsCase(
    suite,
    'may belong to the charged subject itself, or be shared by several',
    async ({ backend, store }) => {
      await store.setOverride({ policy: 'api', subject: 'user:ada', rate: rateOf(fixed('7/min')) });
      await store.setOverride({ ...organisation, rate: rateOf(fixed('30/min')) });
      const limits = [];
      for (const [subject, overriddenBy] of [
        ['user:ada', ['user:ada', 'organisation:1']],
        ['user:ada', ['organisation:1', 'user:ada']],
        ['user:bob', ['user:bob', 'organisation:1']],
        ['user:bob', ['user:bob']],
      ] as const) {
        const { decisions } = await backend.spend([{ policy: api, subject, cost: 1, overriddenBy }]);
        limits.push([decisions[0]?.limit, decisions[0]?.remaining]);
      }
      // Each user has a separate budget, regardless of whose override applies.
      assert.deepEqual(limits, [
        [7, 6],
        [30, 28],
        [30, 29],
        [10, 8],
      ]);
    },
  );

  settingsCase(suite, 'is not decided by an override for another strategy', async ({ backend, store }) => {
    await store.setOverride({ ...project, rate: rateOf(definePolicy('api', '1/min')) });
    assertMembers((await backend.peek([ofUser(1)])).decisions[0], { limit: 10, remaining: 9, rate: undefined });
    await store.setOverride({ ...organisation, rate: rateOf(fixed('3/min')) });
    assertMembers((await backend.peek([ofUser(1)])).decisions[0], { limit: 3, remaining: 2 });
  });

  for (const strategy of STRATEGIES) {
    settingsCase(suite, `is decided like a policy with its rate: ${strategy}`, async ({ backend, store, clock }) => {
      for (const period of ['s', '7s']) {
        const name = `p-${period}`;
        const [policy, twin] = [tenPerSecond(name, strategy), tenPerSecond('twin', strategy, 4, period)];
        await store.setOverride({ policy: name, subject: 'org', rate: rateOf(twin) });
        for (const [cost, ms] of [
          [3, 100],
          [2, 150],
          [1, 0],
          [5, 900],
          [0, 5000],
          [4, 1],
        ] as const) {
          const charge = { policy, subject: `ada-${period}`, cost, overriddenBy: ['org'] };
          const { decisions } = await backend.spend([charge]);
          const expected = await backend.spend([{ policy: twin, subject: `ada-${period}`, cost }]);
          assert.deepEqual(decisions, [{ ...expected.decisions[0], policy: name, rate: rateOf(twin) }]);
          clock.advance(ms);
        }
      }
    });
  }
}

function unlimited(suite: Suite<Bench>): void {
  settingsCase(suite, 'that is unlimited passes at any cost, and takes nothing', async ({ backend, store }) => {
    await backend.spend([ofUser(4)]);
    await store.setOverride({ ...project, rate: 'unlimited' });
    for (const outcome of [await backend.peek([ofUser(50)]), await backend.spend([ofUser(50)])]) {
      assert.deepEqual(outcome, {
        allowed: true,
        decisions: [
          {
            policy: 'api',
            allowed: true,
            limit: Number.MAX_SAFE_INTEGER,
            remaining: Number.MAX_SAFE_INTEGER,
            resetMs: 0,
            retryAfterMs: 0,
            delayMs: 0,
            windowMs: 60_000,
            unlimited: true,
          },
        ],
        binding: null,
      });
    }
    await store.deleteOverride(project);
    assertMembers((await backend.peek([ofUser(0)])).binding, { remaining: 6 });
  });

  settingsCase(suite, 'may be unlimited unless an override is in force', async ({ backend, store, clock }) => {
    const free: Charge = { ...ofUser(50), unlimited: true };
    assertMembers((await backend.spend([free])).decisions[0], { allowed: true, unlimited: true });
    await store.setOverride({ ...organisation, rate: rateOf(fixed('60/min')) });
    assertMembers((await backend.spend([free])).decisions[0], { allowed: true, limit: 60, remaining: 10 });
    assertMembers((await backend.spend([free])).decisions[0], { allowed: false, limit: 60, remaining: 10 });
    await store.setOverride({ ...project, rate: 'unlimited' });
    assertMembers((await backend.spend([free])).decisions[0], { allowed: true, unlimited: true });
    await store.deleteOverride(project);
    await store.setOverride({ ...organisation, rate: rateOf(fixed('5/min')), expiresInMs: 1 });
    clock.advance(1);
    assertMembers((await backend.spend([free])).decisions[0], { allowed: true, unlimited: true });
    assertMembers((await backend.peek([ofUser(0)])).decisions[0], { limit: 10, remaining: 0 });
  });

  settingsCase(suite, 'that is unlimited does not affect the others of its call', async ({ backend, store }) => {
    const other = {
      policy: definePolicy('other', { rate: '3/min', strategy: 'fixed-window' }),
      subject: 'ada',
      cost: 2,
    };
    await store.setOverride({ ...project, rate: 'unlimited' });
    for (const mode of ['enforce', 'monitor', 'record'] as const) {
      const { allowed, decisions, binding, receipt } = await backend.spend([ofUser(50, mode), { ...other, cost: 1 }]);
      assert.deepEqual(
        [allowed, decisions[0]?.unlimited, decisions[0]?.mode],
        [true, true, mode === 'monitor' ? mode : undefined],
      );
      assert.deepEqual(binding, decisions[1]);
      assert.deepEqual(
        receipt?.charges.map(({ cost }) => cost),
        [0, 1],
      );
      if (receipt !== undefined) await backend.settle(receipt, [50, 1]);
    }
    const { allowed, decisions } = await backend.spend([ofUser(50), other]);
    assert.deepEqual([allowed, ...decisions.map((decision) => decision.allowed)], [false, true, false]);
    await store.deleteOverride(project);
    assertMembers((await backend.peek([ofUser(0)])).binding, { remaining: 10 });
  });
}

function calls(suite: Suite<Bench>): void {
  settingsCase(suite, 'is taken with the others of its call, or not at all', async ({ backend, store }) => {
    const plain = { policy: fixed('3/h'), subject: 'plain', cost: 2 };
    await store.setOverride({ ...project, rate: rateOf(fixed('2/30s')) });
    assert.equal((await backend.spend([ofUser(1), plain])).allowed, true);
    assert.equal((await backend.spend([ofUser(1), plain])).allowed, false);
    const { decisions } = await backend.spend([ofUser(2), { ...plain, cost: 1 }]);
    assert.deepEqual(
      decisions.map((decision) => [decision.allowed, decision.remaining]),
      [
        [false, 1],
        [true, 1],
      ],
    );
    assert.equal((await backend.spend([ofUser(1), { ...plain, cost: 1 }])).allowed, true);
  });

  settingsCase(
    suite,
    'adds up with others on its budget, and with those without an override',
    async ({ backend, store }) => {
      await store.setOverride({ ...project, rate: rateOf(fixed('20/min')) });
      const bare = { ...ofUser(4), overriddenBy: [] };
      const { decisions } = await backend.spend([ofUser(5), bare, ofUser(11)]);
      assert.deepEqual(
        decisions.map(({ allowed, remaining }) => [allowed, remaining]),
        [
          [true, 15],
          [true, 1],
          [true, 0],
        ],
      );
      assert.equal((await backend.spend([bare])).allowed, false);
    },
  );

  settingsCase(suite, 'is monitored and recorded under the override, too', async ({ backend, store }) => {
    await store.setOverride({ ...project, rate: rateOf(fixed('3/30s')) });
    const monitored = await backend.spend([ofUser(4, 'monitor')]);
    assert.equal(monitored.allowed, true);
    assertMembers(monitored.decisions[0], { allowed: false, mode: 'monitor', limit: 3, remaining: 3 });
    const recorded = await backend.spend([ofUser(5, 'record')]);
    assertMembers(recorded.decisions[0], { allowed: true, limit: 3, remaining: 0 });
    assertMembers((await backend.peek([ofUser(1)])).binding, { allowed: false, limit: 3, remaining: 0 });
  });
}
