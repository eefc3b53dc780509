import { describe, expect, it } from '@jest/globals';
import {
  by,
  definePolicy,
  MemoryBackend,
  type OverrideListOptions,
  type PolicyOptions,
  subjectOf,
  ThrottleConfigError,
  type ThrottleModuleOptions,
} from '../../../src/index.js';
import { startContext } from '../../support/service-app.js';

const api = { rate: '10/min', strategy: 'fixed-window', overrides: true } as const;
const ada = { subject: 'user:ada' };

const start = (policies: ThrottleModuleOptions['policies'] = { api }) => startContext({ policies });

describe('overrides set by hand', () => {
  it('apply to the next call, for their subject only', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.hit('api', 4, ada);
    expect(await throttle.overrides.set('api', 'user:ada', '20/min')).toEqual({
      policy: 'api',
      subject: 'user:ada',
      rate: { strategy: 'fixed-window', limit: 20, periodMs: 60_000, burst: 20, segments: 1 },
    });
    expect((await throttle.consume('api', 1, ada)).binding).toMatchObject({ limit: 20, remaining: 15 });
    expect((await throttle.consume('api', 1, { subject: 'user:bob' })).binding).toMatchObject({
      limit: 10,
      remaining: 9,
    });
    expect(await throttle.overrides.delete('api', 'user:ada')).toBe(true);
    expect((await throttle.consume('api', 1, ada)).binding).toMatchObject({ limit: 10, remaining: 4 });
  });

  it('are found, listed and deleted', async () => {
    await using context = await start({ api, other: api });
    const { overrides } = context.throttle;
    await overrides.set('api', subjectOf.user(1), 'unlimited');
    await overrides.set('api', subjectOf.user(2), '5/30s', { expiresInMs: 1000 });
    await overrides.set('other', subjectOf.user(1), '7/min');
    expect(await overrides.get('api', 'user:2')).toMatchObject({ expiresAt: context.clock.now() + 1000 });
    const subjects = async (policy?: string, options?: OverrideListOptions) => {
      const { entries, cursor } = await overrides.list(policy, options);
      return [entries.map((one) => `${one.policy} ${one.subject}`), typeof cursor];
    };
    expect(await subjects()).toEqual([['api user:1', 'api user:2', 'other user:1'], 'undefined']);
    expect(await subjects('other')).toEqual([['other user:1'], 'undefined']);
    expect(await subjects('api', { limit: 1 })).toEqual([['api user:1'], 'string']);
    const { cursor = '' } = await overrides.list('api', { limit: 1 });
    expect(await subjects('api', { limit: 1, cursor })).toEqual([['api user:2'], 'undefined']);
    context.clock.advance(1000);
    expect(await subjects('api')).toEqual([['api user:1'], 'undefined']);
    expect(await overrides.get('api', 'user:2')).toBeUndefined();
    expect(await overrides.delete('api', 'user:2')).toBe(false);
  });

  it('are used by stat, check, peek and reset', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.hit('api', 10, ada);
    await throttle.overrides.set('api', 'user:ada', '5/30s');
    expect(await throttle.stat('api', ada)).toMatchObject({ limit: 5, remaining: 5, windowMs: 30_000 });
    await throttle.hit('api', 5, ada);
    expect(await throttle.check('api', 1, ada)).toBe(false);
    expect(await throttle.stat('api', ada)).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 30_000 });
    await throttle.reset('api', ada);
    expect(await throttle.stat('api', ada)).toMatchObject({ limit: 5, remaining: 5 });
    await throttle.overrides.delete('api', 'user:ada');
    expect(await throttle.stat('api', ada)).toMatchObject({ limit: 10, remaining: 10 });
  });

  it('apply to refunds', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.overrides.set('api', 'user:ada', '5/30s');
    const outcome = await throttle.hit('api', 4, ada);
    await throttle.overrides.delete('api', 'user:ada');
    await throttle.refund(outcome, 3);
    await throttle.overrides.set('api', 'user:ada', '5/30s');
    expect(await throttle.stat('api', ada)).toMatchObject({ remaining: 4 });
    expect(await throttle.stat('api', { subject: 'user:bob' })).toMatchObject({ remaining: 10 });
  });

  it('that are unlimited have no binding decision, and deny nothing', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.overrides.set('api', 'user:ada', 'unlimited');
    const { allowed, binding, decisions } = await throttle.hit('api', 1000, ada);
    expect({ allowed, binding, decisions }).toMatchObject({
      allowed: true,
      binding: null,
      decisions: [{ unlimited: true }],
    });
    expect(await throttle.stat('api', ada)).toBeNull();
  });

  it('apply in every scope of the context in which their subject is charged', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.overrides.set('api', 'scope:user', '3/min');
    for (const scope of ['a', 'b:c']) {
      const { binding } = await throttle.consume('api', 1, { subject: 'scope:user', context: { scope } });
      expect(binding).toMatchObject({ limit: 3, remaining: 2 });
    }
    expect((await throttle.consume('api', 1, { subject: 'scope:user' })).binding).toMatchObject({
      limit: 3,
      remaining: 2,
    });
  });

  it('do not apply to a policy object that was passed', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.overrides.set('api', 'user:ada', '3/min');
    const policy = definePolicy('api', { rate: '8/h', strategy: 'fixed-window' });
    expect((await throttle.consume(policy, 1, ada)).binding).toMatchObject({ limit: 8 });
  });
});

describe('the rate of an override', () => {
  it.each<
    readonly [what: string, policy: PolicyOptions, rate: string | { rate: string; burst: number }, stored: object]
  >([
    [
      'has the burst of the policy',
      { rate: '10/s', strategy: 'token-bucket', burst: 50 },
      '20/s',
      { limit: 20, burst: 50 },
    ],
    ['has its own limit as its burst', { rate: '10/s', strategy: 'token-bucket' }, '20/s', { limit: 20, burst: 20 }],
    ['has a burst of 1', { rate: '10/s', strategy: 'gcra' }, '20/s', { limit: 20, burst: 1 }],
    ['has a burst of its own', { rate: '10/s', strategy: 'gcra', burst: 5 }, { rate: '20/s', burst: 9 }, { burst: 9 }],
    ['has the segments of the policy', { rate: '10/min', segments: 6 }, '20/30s', { periodMs: 30_000, segments: 6 }],
    ['has segments that fit its period', { rate: '10/min', segments: 60 }, '20/7s', { periodMs: 7000, segments: 10 }],
    ['has the segments of any period', { rate: '10/min' }, '20/7ms', { periodMs: 7, segments: 7 }],
    ['is of the strategy', { rate: '10/min', strategy: 'sliding-log' }, '20/h', { strategy: 'sliding-log', burst: 20 }],
    ['is of a policy whose rate is a function', { rate: () => '10/min' }, '20/min', { limit: 20, segments: 10 }],
  ])('%s', async (_, policy, rate, stored) => {
    await using context = await start({ api: { ...policy, overrides: true } });
    const { overrides } = context.throttle;
    expect((await overrides.set('api', 'ada', rate)).rate).toMatchObject(stored);
    expect((await context.throttle.consume('api', 1, { subject: 'ada' })).decisions[0]?.rate).toMatchObject(stored);
  });

  it('may belong to the default of the module', async () => {
    await using context = await startContext({ default: { ...api, by: by.ip() } });
    await context.throttle.overrides.set('default', 'ip:192.0.2.1', '3/min');
    const on = { subject: 'ip:192.0.2.1' };
    expect((await context.throttle.consume('default', 1, on)).binding).toMatchObject({ limit: 3, remaining: 2 });
  });
});

describe('an invalid override is refused before anything is stored', () => {
  const bucket = { rate: '10/s', strategy: 'token-bucket', overrides: true, cost: 5 } as const;
  const policies = { api, bucket, plain: '5/min' };
  const KNOWN = 'Known: api, bucket, plain.';

  it.each<readonly [args: readonly unknown[], message: string]>([
    [['apy', 'ada', '5/min'], `overrides.set("apy"): no policy has this name. Did you mean "api"? ${KNOWN}`],
    [['no such', 'ada', '5/min'], 'overrides.set("no such"): expected a policy\'s name, got "no such"'],
    [
      ['plain', 'ada', '5/min'],
      'overrides.set("plain"): this policy has no option "overrides". Add it, policies.plain: { overrides: true } allows overrides of the charged subject.',
    ],
    [['api', '', '5/min'], 'overrides.set("api"): subject: expected a subject, a string that is not empty'],
    [['api', 42, '5/min'], 'overrides.set("api"): subject: expected a subject, a string that is not empty'],
    [['api', undefined, '5/min'], 'overrides.set("api"): subject: expected a subject'],
    [['api', 'ada', undefined], 'overrides.set("api"): rate: expected a rate such as "500/min"'],
    [
      ['api', 'ada', 5],
      'overrides.set("api"): rate: expected a rate such as "500/min", "unlimited", or options { rate, burst? }, got 5',
    ],
    [['api', 'ada', { burst: 5 }], 'overrides.set("api"): rate: expected a rate such as'],
    [['api', 'ada', { rate: undefined }], 'overrides.set("api").rate: expected a rate such as'],
    [['api', 'ada', { rate: '5/min', segments: 2 }], 'overrides.set("api"): there is no option "segments".'],
    [['api', 'ada', '5/fortnight'], 'overrides.set("api").rate: expected "<count>/<unit>"'],
    [['api', 'ada', '0/min'], 'counts and periods are at least 1'],
    [
      ['api', 'ada', '5/s; 50/min'],
      'overrides.set("api").rate: expected one rate such as "500/min", got "5/s; 50/min"',
    ],
    [['api', 'ada', { rate: '5/min', burst: 5 }], 'overrides.set("api").burst: "fixed-window" has no burst.'],
    [
      ['bucket', 'ada', { rate: '5/min', burst: 0 }],
      'overrides.set("bucket").burst: expected a whole number of units, at least 1',
    ],
    [
      ['bucket', 'ada', { rate: '5/min', burst: undefined }],
      'overrides.set("bucket").burst: expected a whole number of units',
    ],
    [
      ['bucket', 'ada', { rate: 'unlimited', burst: 5 }],
      'overrides.set("bucket").burst: an unlimited rate has no burst.',
    ],
    [['bucket', 'ada', '4/s'], 'overrides.set("bucket").rate: this rate grants at most 4 at once, but a call costs 5.'],
    [
      ['api', 'ada', '5/min', { expiresInMs: 0 }],
      'overrides.set("api"): expiresInMs: expected a whole number of milliseconds from 1',
    ],
    [['api', 'ada', '5/min', { expiresInMs: 1.5 }], 'expiresInMs: expected a whole number'],
    [['api', 'ada', '5/min', { expiresInMs: 2 ** 51 }], 'expiresInMs: expected a whole number'],
    [['api', 'ada', '5/min', { ttl: 5 }], 'overrides.set("api"): there is no option "ttl".'],
    [['api', 'ada', '5/min', 5], 'overrides.set("api"): expected options { expiresInMs } as the last argument'],
  ])('%j', async (args, message) => {
    await using context = await start(policies);
    const { overrides } = context.throttle;
    const set = async () => Reflect.apply(overrides.set, overrides, args);
    const error = await set().then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    expect(error).toBeInstanceOf(ThrottleConfigError);
    expect(error?.message).toContain(message);
    expect((await overrides.list()).entries).toEqual([]);
  });

  it.each<readonly [method: 'get' | 'delete' | 'list', args: readonly unknown[], message: string]>([
    ['get', ['api', ''], 'overrides.get("api"): subject: expected a subject'],
    ['delete', ['api'], 'overrides.delete("api"): subject: expected a subject'],
    ['delete', ['no such', 'ada'], 'overrides.delete("no such"): expected a policy\'s name'],
    ['list', ['no such'], "overrides.list(): expected a policy's name"],
    ['list', ['api', { limit: 0 }], 'overrides.list({ limit }): expected a whole number from 1 to 1000, got 0'],
    ['list', ['api', { limit: 1001 }], 'overrides.list({ limit }): expected a whole number from 1 to 1000'],
    ['list', ['api', { cursor: 5 }], 'overrides.list({ cursor }): expected the cursor of a page'],
    ['list', ['api', { page: 5 }], 'overrides.list(): there is no option "page".'],
  ])('by %s %j', async (method, args, message) => {
    await using context = await start(policies);
    const { overrides } = context.throttle;
    await expect((async () => Reflect.apply(overrides[method], overrides, args))()).rejects.toThrow(message);
  });

  it('but one of a removed policy can be read and deleted', async () => {
    const backend = new MemoryBackend();
    const rate = { strategy: 'fixed-window', limit: 5, periodMs: 1000, burst: 5, segments: 1 };
    await backend.settings.setOverride({ policy: 'gone', subject: 'ada', rate });
    await using context = await startContext({ policies, backend });
    const { overrides } = context.throttle;
    expect(await overrides.get('gone', 'ada')).toMatchObject({ rate });
    expect(await overrides.delete('gone', 'ada')).toBe(true);
  });
});
