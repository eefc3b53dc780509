import { describe, expect, it } from '@jest/globals';
import type { Backend } from '../../../../src/backends/backend.js';
import type { BackendEvent } from '../../../../src/backends/backend-events.js';
import type { Policy } from '../../../../src/core/policy.js';
import { definePolicy, type PolicySpec } from '../../../../src/strategies/define-policy.js';
import type { Bench } from '../backend-contract.js';

/** The beginning of a window of every period below: what is misread, then counts. */
const ALIGNED = Date.UTC(2026, 0, 1);

/** Changes of a plan after which its state means something else. Each would count 6 units if it were read all the same. */
const CHANGES: readonly (readonly [what: string, before: PolicySpec, after: PolicySpec])[] = [
  ['period, from one sliding window to another', { rate: '10/s', segments: 5 }, { rate: '10/2s', segments: 10 }],
  ['number of segments', { rate: '10/s', segments: 10 }, { rate: '10/s', segments: 5 }],
  ['period of a log', { rate: '10/s', strategy: 'sliding-log' }, { rate: '10/2s', strategy: 'sliding-log' }],
  ['period of a fixed window', { rate: '10/s', strategy: 'fixed-window' }, { rate: '10/2s', strategy: 'fixed-window' }],
  ['period of a bucket', { rate: '10/s', strategy: 'token-bucket' }, { rate: '10/2s', strategy: 'token-bucket' }],
  [
    'strategy, from a log to a fixed window',
    { rate: '10/s', strategy: 'sliding-log' },
    { rate: '10/s', strategy: 'fixed-window' },
  ],
  [
    'strategy, from a fixed window to a log',
    { rate: '10/s', strategy: 'fixed-window' },
    { rate: '10/s', strategy: 'sliding-log' },
  ],
  [
    'strategy, from one bucket to another',
    { rate: '10/s', strategy: 'token-bucket' },
    { rate: '10/s', strategy: 'gcra', burst: 10 },
  ],
];

/** What becomes of usage when the plan that it was counted under changes. */
export function changesContract({ open }: Bench): void {
  const peek = async (backend: Backend, policy: Policy) =>
    (await backend.peek([{ policy, subject: 'ada', cost: 0 }])).decisions[0]?.remaining;

  /** A backend where `cost` units have been taken under `policy`, and what it tells. */
  async function used(policy: Policy, cost = 6) {
    const { backend } = await open(ALIGNED);
    const events: BackendEvent[] = [];
    backend.listen?.((event) => events.push(event));
    const { receipt } = await backend.spend([{ policy, subject: 'ada', cost }]);
    if (receipt === undefined) throw new Error('nothing was taken');
    return { backend, events, receipt };
  }

  describe('a plan whose numbers change', () => {
    const plan = (rate: string) => definePolicy('plan', rate);

    it.each([
      ['rises', '15/s', 9],
      ['falls', '8/s', 2],
      ['falls below what is used', '5/s', 0],
    ])('keeps its usage when the limit %s', async (_how, rate, remaining) => {
      const { backend, events } = await used(plan('10/s'));
      expect(await peek(backend, plan(rate))).toBe(remaining);
      await backend.spend([{ policy: plan('10/s'), subject: 'ada', cost: 4 }]);
      expect(await peek(backend, plan('10/s'))).toBe(0);
      expect(events).toEqual([]);
    });

    it('keeps its usage when the burst changes', async () => {
      const bucket = (burst: number) => definePolicy('plan', { rate: '10/s', strategy: 'token-bucket', burst });
      const { backend } = await used(bucket(10));
      expect([await peek(backend, bucket(20)), await peek(backend, bucket(5))]).toEqual([14, 0]);
      const { decisions } = await backend.spend([{ policy: bucket(5), subject: 'ada', cost: 1 }]);
      expect(decisions[0]).toMatchObject({ allowed: false, retryAfterMs: 200 });
    });
  });

  describe.each(CHANGES)('a plan of another %s', (_what, from, to) => {
    const [before, changed] = [definePolicy('plan', from), definePolicy('plan', to)];

    it('starts afresh, and says so once', async () => {
      const { backend, events } = await used(before);
      const first = await backend.spend([{ policy: changed, subject: 'ada', cost: 1 }]);
      expect(first.decisions[0]?.remaining).toBe(9);
      await backend.spend([{ policy: changed, subject: 'ada', cost: 1 }]);
      expect(await peek(backend, changed)).toBe(8);
      if (backend.listen) expect(events).toEqual([{ type: 'started-afresh', policy: 'plan', was: before.shape }]);
    });

    it('leaves the usage alone until it is charged', async () => {
      const { backend, events } = await used(before);
      const other = definePolicy('other', '10/s');
      expect(await peek(backend, changed)).toBe(10);
      await backend.spend([{ policy: changed, subject: 'ada', cost: 11 }]);
      await backend.spend([
        { policy: changed, subject: 'ada', cost: 0 },
        { policy: other, subject: 'ada', cost: 1 },
      ]);
      expect([await peek(backend, before), await peek(backend, other)]).toEqual([4, 9]);
      expect(events).toEqual([]);
    });

    it('gets nothing from a refund of what was charged before', async () => {
      const { backend, receipt } = await used(before);
      await backend.spend([{ policy: changed, subject: 'ada', cost: 6 }]);
      await backend.settle(receipt, [0]);
      expect(await peek(backend, changed)).toBe(4);
    });

    it('is counted apart within one call', async () => {
      const { backend } = await open(ALIGNED);
      const { decisions } = await backend.spend([
        { policy: before, subject: 'ada', cost: 3 },
        { policy: changed, subject: 'ada', cost: 4 },
      ]);
      expect(decisions.map(({ remaining }) => remaining)).toEqual([7, 6]);
      expect(await peek(backend, changed)).toBe(6);
    });
  });
}
