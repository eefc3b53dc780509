import { describe, expect, it } from '@jest/globals';
import type { Backend } from '../../../../src/backends/backend.js';
import type { Policy } from '../../../../src/core/policy.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import type { Bench } from '../backend-contract.js';

const MEGABYTE = 'm'.repeat(2 ** 20);

/** Subjects that are easily lost, or mistaken for another. */
const ODD: readonly string[] = [
  '',
  ' ',
  'a',
  'a:b',
  'b',
  '{x}',
  'x',
  '{',
  '}',
  '__proto__',
  'constructor',
  'toString',
  '\ud800',
  '\ud801',
  '\udc00',
  '\ufffd',
  '\u0000',
  'é',
  'e\u0301',
  '#',
  '*',
  'x'.repeat(48),
  'x'.repeat(49),
  MEGABYTE,
  `${MEGABYTE}a`,
  `${MEGABYTE}b`,
];

/** How a backend keeps the state of one subject under one policy from all others. */
export function stateContract({ open }: Bench): void {
  const peek = async (backend: Backend, policy: Policy, subject = 'ada') =>
    (await backend.peek([{ policy, subject, cost: 0 }])).decisions[0];

  describe('odd subjects', () => {
    const policy = definePolicy('p', '1000/s');

    it('are counted, and apart', async () => {
      const { backend } = await open();
      for (const [i, subject] of ODD.entries()) {
        expect((await backend.spend([{ policy, subject, cost: i + 1 }])).decisions[0]?.remaining).toBe(999 - i);
      }
      const left: (number | undefined)[] = [];
      for (const subject of ODD) left.push((await peek(backend, policy, subject))?.remaining);
      expect(left).toEqual(ODD.map((_, i) => 999 - i));
    });

    it('are apart within one call, too', async () => {
      const { backend } = await open();
      const { decisions } = await backend.spend(ODD.map((subject, i) => ({ policy, subject, cost: i + 1 })));
      expect(decisions.map(({ remaining }) => remaining)).toEqual(ODD.map((_, i) => 999 - i));
    });

    it('are settled and forgotten one by one', async () => {
      const { backend } = await open();
      for (const subject of ODD) {
        const { receipt } = await backend.spend([{ policy, subject, cost: 10 }]);
        if (receipt === undefined) throw new Error('nothing was taken');
        await backend.settle(receipt, [4]);
      }
      const left: (number | undefined)[] = [];
      for (const subject of ODD) {
        left.push((await peek(backend, policy, subject))?.remaining);
        await backend.reset([{ policy, subject }]);
        left.push((await peek(backend, policy, subject))?.remaining);
      }
      expect(left).toEqual(ODD.flatMap(() => [996, 1000]));
    });
  });

  describe('one subject', () => {
    it('has a budget for each name and scope, even where these look alike', async () => {
      const { backend } = await open();
      const scoped = (name: string, scope: string) => definePolicy(name, { rate: '100/s', scope });
      const policies = [
        scoped('a', 'b'),
        scoped('a', 'b@c'),
        scoped('a', 'b%40c'),
        scoped('a', ''),
        scoped('a-b', 'b'),
        scoped('A', 'b'),
        scoped('b', 'a'),
        scoped('a', 'x'.repeat(100)),
        scoped('a', `${'x'.repeat(100)}y`),
        scoped('a', '\ud800'),
        scoped('a', '\ud801'),
      ];
      for (const [i, policy] of policies.entries()) await backend.spend([{ policy, subject: 'ada', cost: i + 1 }]);
      const left: (number | undefined)[] = [];
      for (const policy of policies) left.push((await peek(backend, policy))?.remaining);
      expect(left).toEqual(policies.map((_, i) => 99 - i));
    });

    it('has one budget under one name and scope, however often the policy is defined', async () => {
      const { backend } = await open();
      for (const cost of [1, 2, 3]) {
        await backend.spend([{ policy: definePolicy('a', '100/s'), subject: 'ada', cost }]);
      }
      expect((await peek(backend, definePolicy('a', '100/s')))?.remaining).toBe(94);
    });
  });
}
