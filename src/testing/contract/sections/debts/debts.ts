import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Charge, Receipt } from '../../../../core/decision.js';
import type { BuiltinStrategy } from '../../../../strategies/built-in-strategies.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { assertMembers } from '../../harness/assertions.js';
import { type Bench, take } from '../../harness/bench.js';
import { type DebtTrace, policyOf } from '../../harness/conformance-trace.js';
import { DEBT_TRACES } from '../../harness/conformance-traces.generated.js';
import { STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

const HUGE = Number.MAX_SAFE_INTEGER;
const DRAINING: readonly BuiltinStrategy[] = ['token-bucket', 'gcra', 'leaky-bucket'];

const plenty = definePolicy('plenty', '1000000/d');

/** Units above the limit, either recorded at once or by a settlement. */
export function debts(suite: Suite<Bench>): void {
  suite.group('owes as in the conformance trace', () => {
    for (const trace of DEBT_TRACES) {
      suite.case(`${trace.id}, ${trace.title}`, (bench) => followDebts(trace, bench));
    }
  });
  for (const strategy of STRATEGIES) suite.group(`a debt of ${strategy}`, () => debtOf(strategy, suite));
}

async function followDebts(trace: DebtTrace, { open }: Bench): Promise<void> {
  const { backend, clock } = await open(0);
  const policy = policyOf(trace);
  const settled = new Set(trace.steps.map((step) => ('settle' in step ? step.settle : -1)));
  const receipts = new Map<number, Receipt>();
  for (const [i, step] of trace.steps.entries()) {
    clock.set(step.at);
    if ('settle' in step) {
      const receipt = receipts.get(step.settle);
      assert.ok(receipt, `expected a receipt of step ${step.settle}`);
      await backend.settle(receipt, [step.to, 1]);
      continue;
    }
    const { cost, mode, expect: expected } = step;
    const charge: Charge = { policy, subject: 'trace', cost, ...(mode !== undefined && { mode }) };
    // A call with only a charge of 0 has no receipt.
    const charges = settled.has(i) ? [charge, { policy: plenty, subject: 'trace', cost: 1 }] : [charge];
    const peeked = await backend.peek(charges);
    const { receipt, ...spent } = await backend.spend(charges);
    assertMembers({ i, ...spent.decisions[0] }, { i, policy: trace.id, mode: undefined, ...expected });
    assert.deepEqual(spent, peeked);
    if (receipt !== undefined) receipts.set(i, receipt);
  }
}

function debtOf(strategy: BuiltinStrategy, suite: Suite<Bench>): void {
  const policy = tenPerSecond('p', strategy);
  const ask = (cost: number) => ({ policy, subject: 'ada', cost });
  const record = (cost: number): Charge => ({ ...ask(cost), mode: 'record' });
  const state = async (backend: Backend) => (await backend.peek([ask(1)])).decisions[0];

  suite.case('is the same recorded whole or in parts, or settled at the same instant', async ({ open }) => {
    const [whole, parts, settled] = [await open(), await open(), await open()];
    await take(whole.backend, ask(1));
    await whole.backend.spend([record(24)]);
    await take(parts.backend, ask(1));
    for (const cost of [10, 14]) await parts.backend.spend([record(cost)]);
    await settled.backend.settle(await take(settled.backend, ask(1)), [25]);
    const owed = await state(whole.backend);
    assertMembers(owed, { allowed: false, remaining: 0 });
    assert.deepEqual(await state(parts.backend), owed);
    assert.deepEqual(await state(settled.backend), owed);
  });

  suite.case('is returned by settling the recorded charge', async ({ open }) => {
    const { backend } = await open();
    await take(backend, ask(3));
    const before = await state(backend);
    await backend.settle(await take(backend, record(40)), [0]);
    assert.deepEqual(await state(backend), before);
  });

  suite.case('is owed from an empty state, and if the settled charge was forgotten', async ({ open }) => {
    const { backend } = await open();
    await backend.spend([record(20)]);
    assertMembers(await state(backend), { allowed: false, remaining: 0 });
    await backend.reset([ask(0)]);
    const receipt = await take(backend, ask(1));
    await backend.reset([ask(0)]);
    await backend.settle(receipt, [9]);
    assertMembers(await state(backend), { allowed: true, remaining: 1 });
  });

  suite.case('counts in full when the clock has stepped back', async ({ open }) => {
    const { backend, clock } = await open();
    await take(backend, ask(10));
    clock.advance(-900);
    await backend.spend([record(10)]);
    const receipt = await take(backend, record(1));
    await backend.settle(receipt, [11]);
    const owed = await state(backend);
    assertMembers(owed, { allowed: false, remaining: 0 });
    clock.advance((owed?.retryAfterMs ?? 0) - 1);
    assertMembers(await state(backend), { allowed: false, remaining: 0, retryAfterMs: 1 });
    clock.advance(1);
    assertMembers(await state(backend), { allowed: true });
  });

  suite.case('that is huge denies as long as it can be counted, and never overflows', async ({ open }) => {
    const { backend, clock } = await open();
    const first = await take(backend, record(HUGE));
    for (let i = 0; i < 3; i++) await backend.spend([record(HUGE)]);
    await backend.settle(await take(backend, record(1)), [HUGE]);
    const owed = await state(backend);
    assertMembers(owed, { allowed: false, remaining: 0, delayMs: 0 });
    const waitMs = owed?.retryAfterMs ?? 0;
    assert.ok(Number.isSafeInteger(waitMs) && Number.isSafeInteger(owed?.resetMs), 'the waits are no safe integers');
    // A debt this large, drained at 10 units a second, lasts more than 10^14 ms.
    const atLeast = DRAINING.includes(strategy) ? 10 ** 14 : 0;
    assert.ok(waitMs > atLeast, `a wait of ${waitMs} ms`);
    clock.advance(waitMs - 1);
    assertMembers(await state(backend), { allowed: false });
    clock.advance(1);
    assertMembers(await state(backend), { allowed: true });
    assert.deepEqual(first.charges, [record(HUGE)]);
  });
}
