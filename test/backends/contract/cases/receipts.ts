import { describe, expect, it } from '@jest/globals';
import type { Backend } from '../../../../src/backends/backend.js';
import type { Receipt } from '../../../../src/core/decision.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import type { Bench } from '../backend-contract.js';

/** What settles: an outcome's own receipt, once. */
export function receiptsContract({ open }: Bench): void {
  describe('a receipt', () => {
    const policy = definePolicy('p', '10/s');
    const ask = (cost: number) => [{ policy, subject: 'ada', cost }];
    const left = async (backend: Backend) => (await backend.peek(ask(0))).decisions[0]?.remaining;

    async function taken(backend: Backend, cost: number): Promise<Receipt> {
      const { receipt } = await backend.spend(ask(cost));
      if (receipt === undefined) throw new Error('nothing was taken');
      return receipt;
    }

    it('settles once: the first settlement counts, and a later one changes nothing', async () => {
      const { backend } = await open();
      const receipt = await taken(backend, 6);
      await taken(backend, 3);
      await backend.settle(receipt, [4]);
      for (const to of [0, 4, 6]) await backend.settle(receipt, [to]);
      expect(await left(backend)).toBe(3);
    });

    it('settles once, of two settlements at the same time', async () => {
      const { backend } = await open();
      const receipt = await taken(backend, 6);
      await Promise.all([backend.settle(receipt, [4]), backend.settle(receipt, [0])]);
      expect(await left(backend)).toBe(6);
    });

    it('can still be settled after invalid costs', async () => {
      const { backend } = await open();
      const receipt = await taken(backend, 6);
      await expect((async () => backend.settle(receipt, [-1]))()).rejects.toThrow(RangeError);
      await backend.settle(receipt, [0]);
      expect(await left(backend)).toBe(10);
    });

    it.each<readonly [what: string, copy: (receipt: Receipt) => Receipt]>([
      ['from the JSON of a job', (receipt) => JSON.parse(JSON.stringify(receipt))],
      ['by structuredClone', (receipt) => structuredClone(receipt)],
      ['of its members', (receipt) => ({ ...receipt })],
      ['made by hand', ({ at, charges }) => ({ at, charges })],
    ])('is refused as a copy %s, with an error that names holds', async (_what, copy) => {
      const { backend } = await open();
      const receipt = await taken(backend, 6);
      const settle = async () => backend.settle(copy(receipt), [0]);
      await expect(settle()).rejects.toThrow(TypeError);
      await expect(settle()).rejects.toThrow(/copy of a receipt.* holds, which settle from any process by id/);
      expect(await left(backend)).toBe(4);
    });
  });
}
