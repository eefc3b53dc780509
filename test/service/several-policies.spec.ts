import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import {
  type Backend,
  definePolicy,
  MemoryBackend,
  type PolicyCharge,
  RedisBackend,
  subjectOf,
  ThrottleConfigError,
  ThrottleException,
  type ThrottleService,
} from '../../src/index.js';
import { rejectedProblem } from '../support/config-error.js';
import { limitHeaders } from '../support/header-fields.js';
import { adapters, startApp } from '../support/http-app.js';
import { PATIENT_MS } from '../support/redis/faults.js';
import { connect, RedisServer } from '../support/redis/redis.js';
import { freshPrefix } from '../support/redis/redis-shared.js';
import { acting } from '../support/scripted-handler.js';
import { startContext } from '../support/service-app.js';

const strategy = 'fixed-window';
const policies = {
  calls: { rate: '3/day', strategy },
  elements: { rate: '10/day', strategy, cost: 4 },
};
const elements = (cost: number): readonly PolicyCharge[] => [{ policy: 'calls' }, { policy: 'elements', cost }];
const ada = { subject: subjectOf.user('ada') };

let server: RedisServer;
let client: Redis;

beforeAll(async () => {
  server = await RedisServer.start();
  client = await connect(server);
});

afterAll(async () => {
  client.disconnect();
  await server[Symbol.asyncDispose]();
});

const backends: Record<string, () => Backend> = {
  memory: () => new MemoryBackend(),
  redis: () => new RedisBackend(client, { prefix: freshPrefix(), timeoutMs: PATIENT_MS }),
};
const cases = Object.entries(backends);

describe.each(cases)('several policies by hand on %s', (_, make) => {
  const left = async (throttle: ThrottleService) => [
    (await throttle.stat('calls', ada))?.remaining,
    (await throttle.stat('elements', ada))?.remaining,
  ];

  it('are charged together, each with its own cost, or not at all', async () => {
    await using context = await startContext({ policies, backend: make() });
    const { throttle } = context;
    const outcome = await throttle.hit(elements(6), ada);
    expect(outcome.decisions.map(({ policy, remaining }) => [policy, remaining])).toEqual([
      ['calls', 2],
      ['elements', 4],
    ]);
    const denial: unknown = await throttle.hit(elements(5), ada).catch((error) => error);
    if (!(denial instanceof ThrottleException)) throw new Error(`expected a ThrottleException, got ${denial}`);
    expect(denial.outcome).toMatchObject({ allowed: false, binding: { policy: 'elements' } });
    expect(await left(throttle)).toEqual([2, 4]);
    expect((await throttle.hit(elements(4), ada)).allowed).toBe(true);
    expect(await left(throttle)).toEqual([1, 0]);
  });

  it('are consumed, checked and refunded likewise', async () => {
    await using context = await startContext({ policies, backend: make() });
    const { throttle } = context;
    expect(await throttle.check(elements(10), ada)).toBe(true);
    expect(await throttle.check(elements(11), ada)).toBe(false);
    const outcome = await throttle.consume(elements(10), ada);
    expect(outcome.allowed).toBe(true);
    expect(await throttle.consume(elements(1), ada)).toMatchObject({ allowed: false });
    expect(await left(throttle)).toEqual([2, 0]);
    await throttle.refund(outcome);
    expect(await left(throttle)).toEqual([3, 10]);
  });

  it('have the cost of their policies if none is given, and are not charged at a cost of 0', async () => {
    await using context = await startContext({ policies, backend: make() });
    const { throttle } = context;
    await throttle.hit([{ policy: 'elements' }, { policy: 'calls', cost: 2 }], ada);
    expect(await left(throttle)).toEqual([1, 6]);
    const { decisions } = await throttle.hit(
      [
        { policy: 'calls', cost: 0 },
        { policy: 'elements', cost: 1 },
      ],
      ada,
    );
    expect(decisions.map(({ policy }) => policy)).toEqual(['elements']);
    expect(await left(throttle)).toEqual([1, 5]);
  });

  it('may be policies that definePolicy returned', async () => {
    await using context = await startContext({ policies, backend: make() });
    const jobs = definePolicy('jobs', { rate: '2/day', strategy });
    const { decisions } = await context.throttle.hit([{ policy: jobs, cost: 2 }, { policy: 'calls' }], ada);
    expect(decisions.map(({ policy, remaining }) => [policy, remaining])).toEqual([
      ['jobs', 0],
      ['calls', 2],
    ]);
  });
});

describe.each(adapters)('several policies by hand on %s', (adapter) => {
  it('are in the response, in addition to those of the guard', async () => {
    const act = (throttle: ThrottleService) => throttle.hit(elements(6));
    await using app = await startApp({
      adapter,
      controllers: [acting(act, { onMethod: '100/min' })],
      options: { policies },
    });
    expect((await app.send('/act')).headers.ratelimit).toMatch(
      /^"default";r=99;t=\d+, "calls";r=2;t=86400, "elements";r=4;t=86400$/,
    );
    const denied = await app.send('/act');
    expect(denied.status).toBe(429);
    expect(denied.body).toMatchObject({ policy: 'elements' });
    expect(limitHeaders(denied)).toMatchObject({
      ratelimit: expect.stringMatching(/"calls";r=2;t=86400, "elements";r=4;t=86400$/),
      'retry-after': '86400',
    });
  });

  it('may be charged on a request that is passed', async () => {
    const act = (throttle: ThrottleService, on: object) => throttle.hit(elements(1), { on });
    await using app = await startApp({ adapter, controllers: [acting(act)], options: { policies } });
    expect(await app.statuses('/act', 4)).toEqual([200, 200, 200, 429]);
  });
});

const untyped = (value: unknown) => value as never;

describe('an invalid array of policies', () => {
  const A_CHARGE = 'a policy and its cost such as { policy: "upload", cost: 3 }';

  it.each<[string, readonly unknown[], string]>([
    ['is empty', [[]], 'hit(): expected a list of policies such as [{ policy: "upload", cost: 3 }], got an empty list'],
    ['has names', [['calls', 'elements']], `hit()[0]: expected ${A_CHARGE}, got "calls"`],
    // biome-ignore lint/suspicious/noSparseArray: that is what it is about
    ['has holes', [[, { policy: 'calls' }]], `hit()[0]: expected ${A_CHARGE}, got undefined`],
    ['has no policy', [[{ cost: 3 }]], `hit()[0]: expected ${A_CHARGE}, got an object with cost`],
    [
      'has a policy that is missing',
      [[{ policy: 'calls' }, { policy: undefined }]],
      "hit()[1].policy: expected a policy's name, or a policy that definePolicy() made, got undefined. Is an environment variable or a configuration value missing?",
    ],
    [
      'has other members',
      [[{ policy: 'calls', costs: 3 }]],
      'hit()[0]: there is no option "costs". Did you mean "cost"? Known: policy, cost.',
    ],
    [
      'has a policy twice',
      [[{ policy: 'calls' }, { policy: 'elements' }, { policy: 'calls', cost: 2 }]],
      'hit()[2]: has the same policy as [0]. Combine their costs in one of them.',
    ],
    [
      'has an unknown policy',
      [[{ policy: 'call' }]],
      'hit("call"): no policy has this name. Did you mean "calls"? Known: calls, elements.',
    ],
    [
      'has a cost beside it',
      [[{ policy: 'calls' }], 1, ada],
      'hit(): a list of policies contains its costs. Pass only the options after it: hit([{ policy, cost }], options).',
    ],
    [
      'has no options beside it',
      [[{ policy: 'calls' }], 1],
      'hit(): expected options { on?, response?, subject?, context? } as the last argument, got 1 (number)',
    ],
  ])('is an error if it %s', async (_, args, message) => {
    await using context = await startContext({ policies, backend: new MemoryBackend() });
    const call: (...args: unknown[]) => Promise<unknown> = context.throttle.hit.bind(context.throttle) as never;
    expect(await rejectedProblem(call(...args))).toBe(message);
  });

  it.each([-1, 1.5, undefined, '3'])('is an error if a cost is %j', async (cost) => {
    await using context = await startContext({ policies });
    const charges = [{ policy: 'calls', cost: untyped(cost) }];
    for (const method of ['hit', 'consume', 'check'] as const) {
      const call = context.throttle[method](charges, ada);
      await expect(call).rejects.toThrow(RangeError);
    }
  });

  it.each(['stat', 'reset'] as const)('is not accepted by %s', async (method) => {
    await using context = await startContext({ policies });
    await expect(context.throttle[method](untyped(elements(1)), ada)).rejects.toThrow(
      new ThrottleConfigError(
        'SLUICE_INVALID_ARGUMENT',
        `${method}(): expected a policy's name, or a policy that definePolicy() made, got a list of 2`,
      ),
    );
  });
});
