import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Receipt } from '../../../../core/decision.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { assertFails } from '../../harness/assertions.js';
import { type Bench, take } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';

const COPIES: readonly (readonly [how: string, copy: (receipt: Receipt) => Receipt])[] = [
  ['from the JSON of a job', (receipt) => JSON.parse(JSON.stringify(receipt))],
  ['by structuredClone', (receipt) => structuredClone(receipt)],
  ['of its members', (receipt) => ({ ...receipt })],
  ['made by hand', ({ at, charges }) => ({ at, charges })],
];

/** Receipts: only an outcome's own receipt may be settled, and only once. */
export function receipts(suite: Suite<Bench>): void {
  const policy = definePolicy('p', '10/s');
  const ask = (cost: number) => ({ policy, subject: 'ada', cost });
  const left = async (backend: Backend) => (await backend.peek([ask(0)])).decisions[0]?.remaining;

  suite.group('a receipt', () => {
    suite.case('settles once: the first settlement counts, and a later one changes nothing', async ({ open }) => {
      const { backend } = await open();
      const receipt = await take(backend, ask(6));
      await take(backend, ask(3));
      await backend.settle(receipt, [4]);
      for (const to of [0, 4, 6]) await backend.settle(receipt, [to]);
      assert.equal(await left(backend), 3);
    });

    suite.case('settles once if two settlements run at the same time', async ({ open }) => {
      const { backend } = await open();
      const receipt = await take(backend, ask(6));
      await Promise.all([backend.settle(receipt, [4]), backend.settle(receipt, [0])]);
      assert.equal(await left(backend), 6);
    });

    suite.case('can still be settled after invalid costs', async ({ open }) => {
      const { backend } = await open();
      const receipt = await take(backend, ask(6));
      await assertFails(() => backend.settle(receipt, [-1]), 'RangeError');
      await backend.settle(receipt, [0]);
      assert.equal(await left(backend), 10);
    });

    for (const [how, copy] of COPIES) {
      suite.case(`is refused as a copy ${how}, with an error that names holds`, async ({ open }) => {
        const { backend } = await open();
        const receipt = await take(backend, ask(6));
        await assertFails(() => backend.settle(copy(receipt), [0]), 'TypeError', 'copy', 'holds');
        assert.equal(await left(backend), 4);
      });
    }
  });
}
