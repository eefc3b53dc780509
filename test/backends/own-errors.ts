import { describe, expect, it } from '@jest/globals';
import type { Backend } from '../../src/backends/backend.js';
import { ManualClock } from '../../src/core/clock.js';
import type { Receipt } from '../../src/core/decision.js';
import { definePolicy } from '../../src/strategies/define-policy.js';

const policy = definePolicy('b', '10/s');

const INVALID: readonly (readonly [more: object, message: string])[] = [
  [{ mode: 'observe' }, 'mode: expected "enforce", "monitor" or "record", got "observe"'],
  [{ mode: null }, 'mode: expected "enforce", "monitor" or "record", got null'],
  [{ arguments: 5 }, 'arguments: expected whole numbers from 0 to 2^53 - 1, got 5 (number)'],
  [{ arguments: [1, 0.5] }, 'arguments[1]: expected whole numbers from 0 to 2^53 - 1, got 0.5 (number)'],
  [{ arguments: [-1] }, 'arguments[0]: expected whole numbers from 0 to 2^53 - 1, got -1 (number)'],
];

/** The exact errors of this library's backends, where the contract asks any backend for no more than their kind. */
export function ownErrors(what: string, create: (clock: ManualClock) => Backend): void {
  describe(`the errors of ${what}`, () => {
    const charge = { policy, subject: 'ada', cost: 1 };

    it.each(INVALID)('report what is wrong with a charge of %j', async (more, message) => {
      const backend = create(new ManualClock());
      const bad = { ...charge, ...more };
      for (const method of ['spend', 'peek'] as const) {
        for (const charges of [[bad], [charge, bad], [bad, charge]]) {
          const call = async () => Reflect.apply(backend[method], backend, [charges]);
          await expect(call()).rejects.toThrow(new RangeError(`a charge of "b": ${message}`));
        }
      }
      await backend.close?.();
    });

    it('name an alternative to a copied receipt', async () => {
      const backend = create(new ManualClock());
      const { receipt } = await backend.spend([charge]);
      const copy: Receipt = JSON.parse(JSON.stringify(receipt));
      const settle = async () => backend.settle(copy, [0]);
      await expect(settle()).rejects.toThrow(TypeError);
      await expect(settle()).rejects.toThrow(/copy of a receipt.* holds, which settle from any process by id/);
      await backend.close?.();
    });
  });
}
