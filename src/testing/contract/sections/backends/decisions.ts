import assert from 'node:assert/strict';
import type { BuiltinStrategy } from '../../../../strategies/built-in-strategies.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { assertFails, assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import { policyOf, type Trace } from '../../harness/conformance-trace.js';
import { CONFORMANCE_TRACES } from '../../harness/conformance-traces.generated.js';
import { STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

/** Decisions on one charge. */
export function decisions(suite: Suite<Bench>): void {
  suite.group('follows the conformance trace', () => {
    for (const trace of CONFORMANCE_TRACES) {
      suite.case(`${trace.id}, ${trace.title}`, (bench) => followTrace(trace, bench));
    }
  });
  for (const strategy of STRATEGIES) suite.group(`with ${strategy}`, () => decisionsOf(strategy, suite));
  for (const method of ['spend', 'peek'] as const) {
    suite.group(`before anything else ${method}`, () => refusedCosts(method, suite));
  }
}

async function followTrace(trace: Trace, { open }: Bench): Promise<void> {
  const { backend, clock } = await open(0);
  const policy = policyOf(trace);
  const limit = ['token-bucket', 'gcra', 'leaky-bucket'].includes(policy.strategy) ? policy.burst : policy.limit;
  const windowMs = Math.ceil((limit * policy.periodMs) / policy.limit);
  for (const { at, cost, expect: expected } of trace.steps) {
    clock.set(at);
    const charges = [{ policy, subject: 'trace', cost }];
    const reason = expected.allowed ? undefined : 'rate';
    const decision = { policy: trace.id, limit, windowMs, ...expected, ...(reason && { reason }) };
    const answer = { allowed: expected.allowed, decisions: [decision], binding: decision };
    assert.deepEqual({ at, ...(await backend.peek(charges)) }, { at, ...answer });
    const { receipt, ...spent } = await backend.spend(charges);
    assert.deepEqual({ at, ...spent }, { at, ...answer });
    assert.deepEqual({ ...receipt }, expected.allowed && cost > 0 ? { at, charges } : {});
  }
}

function decisionsOf(strategy: BuiltinStrategy, suite: Suite<Bench>): void {
  const policy = tenPerSecond('p', strategy);
  const ask = (cost: number, subject = 'ada') => [{ policy, subject, cost }];

  suite.case('reads with a cost of 0, and writes nothing', async ({ open }) => {
    const { backend } = await open();
    await backend.spend(ask(4));
    const read = await backend.spend(ask(0));
    assertMembers(read.decisions[0], { allowed: true, remaining: 6, retryAfterMs: 0 });
    assert.equal(read.receipt, undefined);
    assert.deepEqual(await backend.spend(ask(0)), read);
    assert.deepEqual(await backend.peek(ask(0)), read);
  });

  suite.case('reads with a cost of 0 even if nothing is left', async ({ open }) => {
    const { backend } = await open();
    await backend.spend(ask(10));
    const { allowed, decisions } = await backend.spend(ask(0));
    assert.equal(allowed, true);
    assertMembers(decisions[0], { allowed: true, remaining: 0, retryAfterMs: 0, delayMs: 0 });
  });

  suite.case('peeks at the outcome that spend then has, and writes nothing', async ({ open }) => {
    const { backend, clock } = await open();
    await backend.spend(ask(3));
    clock.advance(17);
    for (const cost of [1, 7, 8, 11, 0]) {
      const before = await backend.peek(ask(0));
      const seen = await backend.peek(ask(cost));
      assert.deepEqual(await backend.peek(ask(cost)), seen);
      assert.deepEqual(await backend.peek(ask(0)), before);
      const { receipt, ...spent } = await backend.spend(ask(cost));
      assert.deepEqual(spent, seen);
      assert.equal(receipt !== undefined, seen.allowed && cost > 0);
      await backend.reset([{ policy, subject: 'ada' }]);
    }
  });

  suite.case('takes nothing and extends no wait when it denies, even repeatedly', async ({ open }) => {
    const { backend, clock } = await open();
    await backend.spend(ask(10));
    const first = (await backend.spend(ask(5))).decisions[0];
    const wait = first?.retryAfterMs ?? 0;
    assert.equal(first?.allowed, false);
    for (let ms = 1; ms < wait; ms++) {
      clock.advance(1);
      assertMembers((await backend.spend(ask(5))).decisions[0], { allowed: false, retryAfterMs: wait - ms });
    }
    clock.advance(1);
    assert.equal((await backend.spend(ask(5))).allowed, true);
  });

  suite.case('has a wait of null for a cost that can never pass, and counts nothing', async ({ open }) => {
    const { backend } = await open();
    for (const cost of [11, 1_000_000, Number.MAX_SAFE_INTEGER]) {
      const { decisions } = await backend.spend(ask(cost));
      assertMembers(decisions[0], { allowed: false, remaining: 10, resetMs: 0, retryAfterMs: null });
    }
  });

  suite.case('resets the budgets that it is given, and no others', async ({ open }) => {
    const { backend } = await open();
    const other = tenPerSecond('q', strategy);
    for (const subject of ['ada', 'bob', 'eve']) {
      await backend.spend([...ask(10, subject), { policy: other, subject, cost: 10 }]);
    }
    await backend.reset([
      { policy, subject: 'ada' },
      { policy: other, subject: 'bob' },
      { policy, subject: 'nobody' },
    ]);
    const left = async (subject: string) => {
      const { decisions } = await backend.peek([...ask(0, subject), { policy: other, subject, cost: 0 }]);
      return decisions.map(({ remaining }) => remaining);
    };
    const budgets = { ada: await left('ada'), bob: await left('bob'), eve: await left('eve') };
    assert.deepEqual(budgets, { ada: [10, 0], bob: [0, 10], eve: [0, 0] });
  });
}

const INVALID_COSTS: readonly (readonly [shown: string, cost: unknown])[] = [
  ['NaN', Number.NaN],
  ['-1', -1],
  ['1.5', 1.5],
  ["'5'", '5'],
  ['2^53', 2 ** 53],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['undefined', undefined],
];

function refusedCosts(method: 'spend' | 'peek', suite: Suite<Bench>): void {
  const policy = definePolicy('p', '10/s');
  const fine = { policy, subject: 'ada', cost: 1 };

  for (const [shown, cost] of INVALID_COSTS) {
    suite.case(`refuses the cost ${shown} with a RangeError, and takes nothing`, async ({ open }) => {
      const { backend } = await open();
      const bad = { ...fine, cost };
      for (const charges of [[bad], [fine, bad], [bad, fine]]) {
        await assertFails(() => Reflect.apply(backend[method], backend, [charges]), 'RangeError');
      }
      assert.equal((await backend.peek([{ ...fine, cost: 0 }])).decisions[0]?.remaining, 10);
    });
  }
}
