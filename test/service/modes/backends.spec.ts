import { describe, expect, it } from '@jest/globals';
import { type Outcome, subjectOf, type ThrottleService } from '../../../src/index.js';
import { startContext } from '../../support/service-app.js';
import { backends, useBackends } from '../handler-phase/backends.js';

const strategy = 'sliding-log';
const policies = {
  on: { rate: '5/day', strategy },
  watched: { rate: '5/day', strategy, mode: 'monitor' },
  calls: { rate: '3/day', strategy },
} as const;
const ada = { subject: subjectOf.user('ada') };

const shown = ({ decisions }: Outcome) => decisions.map(({ allowed, limit, remaining }) => [allowed, limit, remaining]);

describe.each(backends)('a monitored policy on %s', (name) => {
  const redis = useBackends();
  const start = () => startContext({ policies, backend: redis.make(name) });
  const consume = (throttle: ThrottleService, policy: 'on' | 'watched', cost: number) =>
    throttle.consume(policy, cost, ada);

  it('counts like one that is on', async () => {
    await using context = await start();
    const { throttle } = context;
    for (const cost of [2, 4, 1, 2, 1, 3]) {
      const on = await consume(throttle, 'on', cost);
      const watched = await consume(throttle, 'watched', cost);
      expect([cost, shown(watched)]).toEqual([cost, shown(on)]);
      expect(watched).toMatchObject({ allowed: true, binding: null, decisions: [{ mode: 'monitor' }] });
    }
  });

  it('takes nothing from a call that another policy denies, and denies no call itself', async () => {
    await using context = await start();
    const { throttle } = context;
    const both = (calls: number, watched: number) =>
      throttle.consume(
        [
          { policy: 'watched', cost: watched },
          { policy: 'calls', cost: calls },
        ],
        ada,
      );
    expect(shown(await both(1, 3))).toEqual([
      [true, 5, 2],
      [true, 3, 2],
    ]);
    const denied = await both(3, 2);
    expect([denied.allowed, denied.binding?.policy]).toEqual([false, 'calls']);
    expect(shown(denied)[0]).toEqual([true, 5, 2]);
    const violated = await both(1, 3);
    expect([violated.allowed, shown(violated)]).toEqual([
      true,
      [
        [false, 5, 2],
        [true, 3, 1],
      ],
    ]);
  });

  it('is settled with the other charges of its call, without returning what was not taken', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.consume('watched', 4, ada);
    const outcome = await throttle.consume([{ policy: 'watched', cost: 2 }, { policy: 'calls' }], ada);
    expect(outcome.decisions.map(({ allowed }) => allowed)).toEqual([false, true]);
    await throttle.refund(outcome);
    expect(shown(await throttle.consume([{ policy: 'watched' }, { policy: 'calls', cost: 3 }], ada))).toEqual([
      [true, 5, 0],
      [true, 3, 0],
    ]);
  });

  it('starts a new count after a reset', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.consume('watched', 5, ada);
    await throttle.reset('watched', ada);
    expect(shown(await throttle.consume('watched', 1, ada))).toEqual([[true, 5, 4]]);
  });
});
