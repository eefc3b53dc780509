import { describe, expect, it } from '@jest/globals';
import type { Backend, BackendEvent } from '../../../src/backends/backend.js';
import type { Policy } from '../../../src/core/policy.js';
import { definePolicy, type PolicySpec } from '../../../src/strategies/define-policy.js';
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

  const base: PolicySpec = { rate: '10/s', strategy: 'sliding-window', segments: 5 };
  const before = definePolicy('plan', base);

  async function used(costs: number) {
    const { backend, clock } = await open();
    const events: BackendEvent[] = [];
    backend.listen?.((event) => events.push(event));
    await backend.spend([{ policy: before, subject: 'ada', cost: costs }]);
    return { backend, clock, events };
  }

  describe('a plan whose numbers change', () => {
    it.each([
      ['rises', '15/s', 15 - 6],
      ['falls', '8/s', 8 - 6],
      ['falls below what is used', '5/s', 0],
    ])('keeps its usage when the limit %s', async (_how, rate, remaining) => {
      const { backend, events } = await used(6);
      expect((await peek(backend, definePolicy('plan', { ...base, rate })))?.remaining).toBe(remaining);
      await backend.spend([{ policy: before, subject: 'ada', cost: 4 }]);
      expect((await peek(backend, before))?.remaining).toBe(0);
      expect(events).toEqual([]);
    });

    it('keeps its usage when the burst changes', async () => {
      const { backend } = await open();
      const bucket = (burst: number) => definePolicy('plan', { rate: '10/s', strategy: 'token-bucket', burst });
      await backend.spend([{ policy: bucket(10), subject: 'ada', cost: 6 }]);
      expect((await peek(backend, bucket(20)))?.remaining).toBe(14);
      expect((await peek(backend, bucket(5)))?.remaining).toBe(0);
      expect((await backend.spend([{ policy: bucket(5), subject: 'ada', cost: 1 }])).decisions[0]).toMatchObject({
        allowed: false,
        retryAfterMs: 200,
      });
    });
  });

  describe.each<readonly [what: string, spec: PolicySpec]>([
    ['period', { ...base, rate: '10/2s' }],
    ['number of segments', { ...base, segments: 10 }],
    ['strategy', { rate: '10/s', strategy: 'fixed-window' }],
  ])('a plan of another %s', (_what, spec) => {
    const changed = definePolicy('plan', spec);

    it('starts afresh, and says so once', async () => {
      const { backend, events } = await used(6);
      expect((await backend.spend([{ policy: changed, subject: 'ada', cost: 1 }])).decisions[0]?.remaining).toBe(9);
      await backend.spend([{ policy: changed, subject: 'ada', cost: 1 }]);
      expect((await peek(backend, changed))?.remaining).toBe(8);
      if (backend.listen) expect(events).toEqual([{ type: 'started-afresh', policy: 'plan', was: before.shape }]);
    });

    it('leaves the usage alone until it is charged', async () => {
      const { backend, events } = await used(6);
      expect((await peek(backend, changed))?.remaining).toBe(10);
      await backend.spend([{ policy: changed, subject: 'ada', cost: 11 }]);
      await backend.spend([{ policy: changed, subject: 'ada', cost: 0 }]);
      expect((await peek(backend, before))?.remaining).toBe(4);
      expect(events).toEqual([]);
    });

    it('gets nothing from a refund of what was charged before', async () => {
      const { backend, clock } = await used(0);
      const { receipt } = await backend.spend([{ policy: before, subject: 'ada', cost: 6 }]);
      await backend.spend([{ policy: changed, subject: 'ada', cost: 6 }]);
      if (receipt === undefined) throw new Error('nothing was taken');
      await backend.settle(receipt, [0]);
      expect((await peek(backend, changed))?.remaining).toBe(4);
      expect(receipt.at).toBe(clock.now());
    });

    it('is counted apart within one call', async () => {
      const { backend } = await open();
      const { decisions } = await backend.spend([
        { policy: before, subject: 'ada', cost: 3 },
        { policy: changed, subject: 'ada', cost: 4 },
      ]);
      expect(decisions.map(({ remaining }) => remaining)).toEqual([7, 6]);
      expect((await peek(backend, changed))?.remaining).toBe(6);
    });
  });
}
