import assert from 'node:assert/strict';
import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import type { Charge, ChargeMode, Receipt } from '../../../../src/core/decision.js';
import type { Policy } from '../../../../src/core/policy.js';
import { after, costOf, type Move, trafficOf } from '../../../strategies/traffic.js';
import type { Bench } from '../backend-contract.js';
import { anyPolicy, starts } from '../random-policies.js';
import { Model } from '../reference-model.js';

interface Turn {
  readonly kind: 'spend' | 'settle' | 'reset';
  /** Indices of policy and subject. */
  readonly on: readonly (readonly [policy: number, subject: number])[];
  readonly moves: readonly Move[];
  /** How each charge is decided, if the backend has modes. */
  readonly modes: readonly (ChargeMode | undefined)[];
  /** A settlement is at up to so many times what was taken, if the backend has modes. */
  readonly times: number;
}

const turns: fc.Arbitrary<Turn> = fc.record({
  kind: fc.constantFrom('spend', 'spend', 'spend', 'spend', 'settle', 'reset'),
  on: fc.array(fc.tuple(fc.nat(2), fc.nat(1)), { minLength: 3, maxLength: 3 }),
  moves: trafficOf({ back: 'never', refunds: false, maxLength: 3 }),
  modes: fc.array(fc.constantFrom<Turn['modes'][number][]>(undefined, undefined, 'enforce', 'record', 'monitor'), {
    minLength: 3,
    maxLength: 3,
  }),
  times: fc.constantFrom(1, 1, 2, 3),
});

const scenes = fc.record({
  policies: fc.tuple(anyPolicy('a'), anyPolicy('b'), anyPolicy('c')),
  start: starts,
  turns: fc.array(turns, { minLength: 1, maxLength: 20, size: 'max' }),
});

/** What a backend answers to random calls, beside a model that says the same in another way. */
export function parityContract({ open, cases, hasModes }: Bench): void {
  describe('random calls of up to three charges on any strategies', () => {
    it('are answered as the model answers them, with honest waits, through refunds and resets', async () => {
      const { backend, clock } = await open();
      let scene = 0;
      const property = fc.asyncProperty(scenes, async ({ policies, start, turns }) => {
        const model = new Model();
        const subjects = [`ada ${scene}`, `bob ${scene++}`];
        const receipts: Receipt[] = [];
        clock.set(start);
        for (const { kind, on, moves, modes, times } of turns) {
          const keys = moves.map((_, i) => keyAt(policies, subjects, on[i]));
          const first = keys[0];
          const move = moves[0];
          if (first === undefined || move === undefined) continue;
          if (kind === 'reset') {
            await backend.reset([first]);
            model.reset(first.policy, first.subject);
            receipts.length = 0;
            continue;
          }
          if (kind === 'settle') {
            const [receipt] = receipts.splice(move.part % Math.max(1, receipts.length), 1);
            if (receipt === undefined) continue;
            const costs = receipt.charges.map(({ cost }, i) =>
              Math.floor((cost * (moves[i]?.part ?? 0) * (hasModes ? times : 1)) / 1000),
            );
            await backend.settle(receipt, costs);
            model.settle(receipt, costs, clock.now());
            continue;
          }
          const last = model.peek([{ ...first, cost: first.policy.limit }], clock.now()).decisions[0];
          clock.set(after(clock.now(), move, first.policy, last));
          const charges: readonly Charge[] = keys.map((key, i) => {
            const stands = model.peek([{ ...key, cost: 0 }], clock.now()).decisions[0];
            const asked = moves[i];
            const mode = hasModes ? modes[i] : undefined;
            return { ...key, cost: stands && asked ? costOf(asked, stands) : 0, ...(mode && { mode }) };
          });
          const expected = model.peek(charges, clock.now());
          assert.deepEqual(await backend.peek(charges), expected);
          const { receipt, ...answer } = await backend.spend(charges);
          assert.deepEqual(answer, expected);
          const { answer: spent, taken } = model.spend(charges, clock.now());
          assert.deepEqual(spent, expected);
          assert.equal(
            receipt !== undefined,
            taken.some((cost) => cost > 0),
          );
          if (receipt !== undefined) {
            const ours = charges.map((charge, i) => ({ ...charge, cost: taken[i] ?? 0 }));
            assert.deepEqual([receipt.at, receipt.charges], [clock.now(), ours]);
            receipts.push(receipt);
          }
          const wait = answer.binding?.retryAfterMs ?? 0;
          if (wait === 0 || move.part % 2 === 0) continue;
          clock.advance(wait - 1);
          assert.equal((await backend.peek(charges)).allowed, false);
          clock.advance(1);
          assert.equal((await backend.peek(charges)).allowed, true);
        }
      });
      await fc.assert(property, { numRuns: cases(2000) });
    }, 600_000);
  });
}

function keyAt(policies: readonly Policy[], subjects: readonly string[], at: Turn['on'][number] = [0, 0]) {
  const policy = policies[at[0]];
  const subject = subjects[at[1]];
  if (policy === undefined || subject === undefined) throw new Error(`nothing at ${at}`);
  return { policy, subject };
}
