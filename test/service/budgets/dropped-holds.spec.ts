import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { subjectOf, ThrottleService } from '../../../src/index.js';
import { collectGarbage } from '../../support/collect-garbage.js';
import { startApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';

const ada = { subject: subjectOf.user('ada') };

async function start() {
  const warnings: string[] = [];
  const policies = { llm: { budget: '500/day', onExpiry: 'release' } } as const;
  const { app, clock } = await startApp({ adapter: 'express', options: { policies }, warnings });
  const budget = app.get(ThrottleService).budget('llm');
  const left = async () => (await budget.stat(ada))?.remaining;
  /** Longer than a hold lasts if it is not extended. */
  const beatFourTimes = async () => {
    for (let beat = 0; beat < 4; beat++) {
      clock.advance(10_000);
      await setImmediate();
    }
  };
  const warned = () => warnings.filter((text) => text.startsWith('budget'));
  return { budget, left, beatFourTimes, warned, [Symbol.asyncDispose]: () => app.close() };
}

describe('a hold without references', () => {
  it('is left to expire, with a warning, unless it has ended, or its id was read or became JSON', async () => {
    await using context = await start();
    const { budget } = context;
    const take = async () => {
      await budget.reserve(100, ada);
      await (await budget.reserve(50, ada)).settle(50);
      const stored: { id: string } = JSON.parse(JSON.stringify(await budget.reserve(20, ada)));
      return [(await budget.reserve(10, ada)).id, stored.id] as const;
    };
    const ids = await take();
    expect(await context.left()).toBe(320);
    await until(() => {
      collectGarbage();
      return context.warned().length > 0;
    });
    await context.beatFourTimes();
    expect(await context.left()).toBe(420);
    expect(context.warned()).toEqual([
      'budget("llm"): a hold was neither settled nor cancelled, and nobody can do so any more, so it expires. Cancel it in a `finally`, or read its `id` to settle it later.',
    ]);
    for (const [i, id] of ids.entries()) expect(await budget.hold(id).settle(2 + i)).toBe(true);
    expect(await context.left()).toBe(445);
  });

  it('is extended as long as it is referenced', async () => {
    await using context = await start();
    const hold = await context.budget.reserve(100, ada);
    for (let round = 0; round < 3; round++) {
      collectGarbage();
      await context.beatFourTimes();
    }
    expect(await context.left()).toBe(400);
    expect(await hold.settle(0)).toBe(true);
    expect(context.warned()).toEqual([]);
  });
});
