import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { type PolicyOptions, Throttle, type ThrottleModuleOptions } from '../../../src/index.js';
import { type AdapterName, adapters, startApp, type TestApp } from '../../support/http-app.js';

/** An application with one handler, limited to 2 a minute, and a count of how often it ran. */
async function startLimited(adapter: AdapterName, limit: Partial<PolicyOptions>, options?: ThrottleModuleOptions) {
  const runs = { count: 0 };

  @Controller('limited')
  class LimitedController {
    @Throttle({ rate: '2/min', strategy: 'fixed-window', ...limit })
    @Get()
    list(): string {
      runs.count++;
      return 'list';
    }
  }
  const app = await startApp({ adapter, controllers: [LimitedController], ...(options && { options }) });
  return { app, runs };
}

/** Functions that return any given value, synchronously or not, as code without types may do. */
function answering() {
  const answers: { value: unknown } = { value: undefined };
  return {
    answers,
    now: () => answers.value as never,
    later: async () => setImmediate(answers.value as never),
  };
}

/** The status of a request for each answer. */
async function statusOfEach(app: TestApp, answers: { value: unknown }, values: readonly unknown[]) {
  const statuses: [unknown, number][] = [];
  for (const value of values) {
    answers.value = value;
    statuses.push([value, (await app.send('/limited')).status]);
  }
  return statuses;
}

const noCosts: readonly unknown[] = [
  Number.NaN,
  -1,
  -0.5,
  1.5,
  '5',
  '',
  2 ** 53,
  Number.POSITIVE_INFINITY,
  undefined,
  null,
  true,
  5n,
  [1],
  {},
];
const noBooleans: readonly unknown[] = ['yes', 'false', '', 1, 0, undefined, null, {}, []];
const noSubjects: readonly unknown[] = [5, 0, true, false, {}, [], ['a'], Symbol('other'), 5n, Number.NaN];

describe.each(adapters)('functions of the call on %s', (adapter) => {
  it('with an invalid cost never pass for free', async () => {
    const { answers, now, later } = answering();
    for (const cost of [now, later]) {
      const { app, runs } = await startLimited(adapter, { cost });
      await using _ = app;
      expect(await statusOfEach(app, answers, noCosts)).toEqual(noCosts.map((value) => [value, 500]));
      expect(runs.count).toBe(0);
    }
  });

  it('with a cost take that many units, and none if it is 0', async () => {
    const { app, runs } = await startLimited(adapter, { cost: ({ request }) => Number(request?.headers['x-cost']) });
    await using _ = app;
    const cost = (units: number) => ({ headers: { 'x-cost': units } });
    expect(await app.statuses('/limited', 5, cost(0))).toEqual([200, 200, 200, 200, 200]);
    expect(await app.statuses('/limited', 2, cost(2))).toEqual([200, 429]);
    expect(await app.statuses('/limited', 1, cost(0))).toEqual([200]);
    expect(runs.count).toBe(7);
  });

  it.each([true, false])('with a skip that resolves with %p are skipped only if that is true', async (answer) => {
    const expected = answer ? [200, 200, 200] : [200, 200, 429];
    const skip = async () => setImmediate(answer);
    const { app: ofPolicy } = await startLimited(adapter, { skip });
    await using _ = ofPolicy;
    expect(await ofPolicy.statuses('/limited', 3)).toEqual(expected);
    const { app: ofModule } = await startLimited(adapter, {}, { skip });
    await using __ = ofModule;
    expect(await ofModule.statuses('/limited', 3)).toEqual(expected);
  });

  it('with a skip that is neither true nor false never pass', async () => {
    const { answers, now, later } = answering();
    for (const skip of [now, later]) {
      for (const [ofPolicy, ofModule] of [[{ skip }], [{}, { skip }]] as const) {
        const { app, runs } = await startLimited(adapter, ofPolicy, ofModule);
        await using _ = app;
        expect(await statusOfEach(app, answers, noBooleans)).toEqual(noBooleans.map((value) => [value, 500]));
        expect(runs.count).toBe(0);
      }
    }
  });

  it('with a subject that is not a string never pass', async () => {
    const { answers, now, later } = answering();
    for (const find of [now, later]) {
      const { app, runs } = await startLimited(adapter, { by: find });
      await using _ = app;
      expect(await statusOfEach(app, answers, noSubjects)).toEqual(noSubjects.map((value) => [value, 500]));
      expect(runs.count).toBe(0);
    }
  });

  it.each(['by', 'cost', 'skip', 'rate'])('of which %s throws do not pass, and nothing is charged', async (member) => {
    let isBroken = true;
    const fine = { by: 'somebody', cost: 1, skip: false, rate: '2/min' }[member];
    const option = async () => {
      if (isBroken) throw new Error('broken');
      return fine;
    };
    const { app, runs } = await startLimited(adapter, { [member]: option });
    await using _ = app;
    expect(await app.statuses('/limited', 3)).toEqual([500, 500, 500]);
    expect(runs.count).toBe(0);
    isBroken = false;
    expect(await app.statuses('/limited', 3)).toEqual([200, 200, 429]);
  });
});
