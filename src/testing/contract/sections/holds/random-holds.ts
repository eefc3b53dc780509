import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { HoldStore } from '../../../../backends/hold-store.js';
import type { ManualClock } from '../../../../core/clock.js';
import type { Decision } from '../../../../core/decision.js';
import type { Policy } from '../../../../core/policy.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { defineBudget, defineConcurrency } from '../../../../strategies/held/define-held-policy.js';
import type { Bench } from '../../harness/bench.js';
import { checkRandomCases, type Random, shorterLists } from '../../harness/random.js';
import type { Suite } from '../../harness/suite.js';
import { ALIGNED_MS } from './holds-bench.js';
import { ReferenceHolds } from './reference-holds.js';

const FULL_RUNS = 4000;
const PERIOD_MS = 1000;

/** With `rate`, the call also charges a rate of 3. */
type Operation =
  | {
      readonly kind: 'take';
      readonly id: number;
      readonly units: number;
      readonly ttlMs: number;
      readonly rate: number;
    }
  | { readonly kind: 'extend'; readonly id: number; readonly ttlMs: number }
  | { readonly kind: 'grow' | 'end'; readonly id: number; readonly units: number }
  | { readonly kind: 'wait'; readonly ms: number };

interface Case {
  readonly kind: 'concurrency' | 'charge' | 'release' | 'carry';
  readonly limit: number;
  readonly operations: readonly Operation[];
}

const api = definePolicy('api', { rate: `3/${PERIOD_MS}ms`, strategy: 'fixed-window' });

/** Random operations on one budget, against a model that shares no code with backends. */
export function randomHolds(suite: Suite<Bench>): void {
  suite.case(
    'random holds: are decided as by the reference model, never above the limit, and settle within the bound',
    async ({ open, runs, seed }) => {
      await checkRandomCases({
        make: randomCase,
        check: async (one) => {
          const { backend, clock } = await open(ALIGNED_MS);
          if (backend.holds !== undefined) await follow(one, backend, backend.holds, clock);
          await backend.close?.();
        },
        simpler: (one) => shorterLists(one.operations).map((operations) => ({ ...one, operations })),
        runs: runs(FULL_RUNS),
        seed,
      });
    },
  );
}

function randomCase(random: Random): Case {
  const limit = random.edgy(1, 20);
  const id = () => random.integer(1, 6);
  const units = () => random.edgy(1, limit + 2);
  const ttlMs = () => random.pick([1, 300, 999, PERIOD_MS, 1700, 3 * PERIOD_MS]);
  const operation = (): Operation => {
    const kind = random.pick(['take', 'take', 'take', 'extend', 'grow', 'end', 'end', 'wait', 'wait'] as const);
    if (kind === 'take') return { kind, id: id(), units: units(), ttlMs: ttlMs(), rate: random.pick([0, 0, 1, 4]) };
    if (kind === 'extend') return { kind, id: id(), ttlMs: ttlMs() };
    if (kind === 'wait') return { kind, ms: random.pick([1, 299, 300, 500, 700, PERIOD_MS, 2500]) };
    return { kind, id: id(), units: kind === 'end' ? random.edgy(0, 2 * limit) : units() };
  };
  return {
    kind: random.pick(['concurrency', 'charge', 'release', 'carry']),
    limit,
    operations: random.list(1, 30, operation),
  };
}

function policyOf({ kind, limit }: Case): Policy {
  if (kind === 'concurrency') return defineConcurrency('p', limit);
  const onExpiry = kind === 'release' ? 'release' : 'charge';
  return defineBudget('p', { budget: `${limit}/${PERIOD_MS}ms`, onExpiry, carryDebt: kind === 'carry' });
}

async function follow(one: Case, backend: Backend, store: HoldStore, clock: ManualClock): Promise<void> {
  const policy = policyOf(one);
  const model = new ReferenceHolds(policy);
  const of = { policy, subject: 'ada' };
  const rateLeft = async () => (await backend.peek([{ policy: api, subject: 'ada', cost: 0 }])).decisions[0]?.remaining;
  for (const operation of one.operations) {
    if (operation.kind === 'wait') {
      clock.advance(operation.ms);
      continue;
    }
    const now = clock.now();
    model.expire(now);
    const reference = { ...of, id: operation.id };
    const wasOpen = model.isOpen(operation.id);
    if (operation.kind === 'take') {
      const { units, ttlMs, rate } = operation;
      const charges = rate === 0 ? [] : [{ policy: api, subject: 'ada', cost: rate }];
      const before = await rateLeft();
      const fits = wasOpen || model.hasRoom(units, now);
      const isRateDenied = !wasOpen && rate > (before ?? 0);
      const { allowed, decisions } = await store.take([{ ...reference, units, ttlMs }], charges);
      assert.equal(allowed, fits && !isRateDenied);
      if (allowed && !wasOpen) model.add({ id: operation.id, units, expiresAt: now + ttlMs });
      assert.equal(await rateLeft(), (before ?? 0) - (allowed && !wasOpen ? rate : 0));
      assertDecision(decisions[0], model, fits, units, now);
    } else if (operation.kind === 'extend') {
      assert.deepEqual(await store.extend([reference], operation.ttlMs), [wasOpen]);
      model.extend(operation.id, now + operation.ttlMs);
    } else if (operation.kind === 'grow') {
      const more = Math.max(0, operation.units - model.unitsOf(operation.id));
      const fits = wasOpen && more <= model.room(now);
      const decision = await store.grow(reference, operation.units);
      assert.equal(decision?.allowed, wasOpen ? fits : undefined);
      if (fits) model.grow(operation.id, operation.units);
      if (wasOpen) assert.equal(decision?.remaining, model.room(now));
    } else {
      const [isEnded] = await store.end([{ ...reference, units: operation.units }]);
      assert.equal(isEnded, wasOpen);
      if (wasOpen) model.end(operation.id, operation.units, now);
    }
    assert.ok(model.excess() <= 0, `${model.excess()} units above the bound`);
    const { decisions } = await store.peek([{ ...reference, units: 0, ttlMs: 1 }], []);
    assert.equal(decisions[0]?.remaining, model.room(now));
    assert.equal(decisions[0]?.resetMs, model.resetMs(now));
  }
}

/** @param fits true if the hold itself is allowed, regardless of rates */
function assertDecision(
  decision: Decision | undefined,
  model: ReferenceHolds,
  fits: boolean,
  units: number,
  now: number,
): void {
  assert.equal(decision?.allowed, fits);
  assert.equal(decision?.remaining, model.room(now));
  if (fits) {
    assert.equal(decision?.retryAfterMs, 0);
    return;
  }
  const waitMs = decision?.retryAfterMs;
  if (typeof waitMs === 'number') {
    assert.equal(model.wouldFit(units, now + waitMs - 1), false);
    assert.equal(model.wouldFit(units, now + waitMs), true);
  } else {
    assert.equal(model.wouldFit(units, now + 100 * PERIOD_MS), false);
  }
}
