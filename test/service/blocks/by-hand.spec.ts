import { describe, expect, it } from '@jest/globals';
import {
  type BlockListOptions,
  definePolicy,
  type PolicyOptions,
  subjectOf,
  ThrottleConfigError,
  type ThrottleModuleOptions,
} from '../../../src/index.js';
import { startContext } from '../../support/service-app.js';
import { START } from '../../support/start-time.js';

const strategy = 'fixed-window';
const login = { rate: '3/min', strategy, block: true } as const;
const ada = { subject: subjectOf.user('ada') };
const HOUR = 3_600_000;

const start = (policies: ThrottleModuleOptions['policies'] = { login }) => startContext({ policies });

describe('blocks set by hand', () => {
  it('apply to the next call, of their subject only, up to their end', async () => {
    await using context = await start();
    const { throttle, clock } = context;
    const block = { policy: 'login', subject: 'user:ada', expiresAt: START + HOUR, strikes: 0 };
    expect(await throttle.blocks.set('login', 'user:ada', '1h')).toEqual(block);
    expect(await throttle.blocks.get('login', 'user:ada')).toEqual(block);
    expect(await throttle.blocks.list('login')).toEqual({ entries: [block] });
    expect((await throttle.consume('login', 1, ada)).binding).toMatchObject({ reason: 'blocked', retryAfterMs: HOUR });
    expect(await throttle.stat('login', ada)).toMatchObject({ allowed: false, remaining: 0, reason: 'blocked' });
    expect((await throttle.consume('login', 1, { subject: 'user:bob' })).allowed).toBe(true);
    clock.advance(HOUR);
    expect(await throttle.blocks.get('login', 'user:ada')).toBeUndefined();
    expect((await throttle.consume('login', 1, ada)).allowed).toBe(true);
  });

  it('are ended by hand, and by a reset', async () => {
    await using context = await start();
    const { throttle } = context;
    for (const end of [() => throttle.blocks.delete('login', 'user:ada'), () => throttle.reset('login', ada)]) {
      await throttle.blocks.set('login', 'user:ada', '1h');
      await end();
      expect((await throttle.consume('login', 1, ada)).allowed).toBe(true);
    }
    expect(await throttle.blocks.delete('login', 'user:ada')).toBe(false);
  });

  it('are in force under every plan, and for every rate of a policy', async () => {
    await using context = await startContext({
      policies: { login, several: { ...login, rate: '3/min; 10/h' } },
      plans: {
        of: (_, subject) => (subject === 'user:ada' ? 'pro' : 'free'),
        default: 'free',
        tiers: { pro: { login: '9/h' }, free: {} },
      },
    });
    const { throttle } = context;
    for (const policy of ['login', 'several'] as const) {
      for (const subject of ['user:ada', 'user:bob']) {
        await throttle.blocks.set(policy, subject, '1h');
        expect((await throttle.consume(policy, 1, { subject })).binding).toMatchObject({ reason: 'blocked' });
      }
    }
    const subjects: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await throttle.blocks.list('several', { limit: 1, ...(cursor !== undefined && { cursor }) });
      subjects.push(...page.entries.map(({ policy, subject }) => `${policy} ${subject}`));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(subjects).toEqual([
      'several-1h user:ada',
      'several-1h user:bob',
      'several-1m user:ada',
      'several-1m user:bob',
    ]);
  });

  it('accept a policy of definePolicy', async () => {
    await using context = await start();
    const policy = definePolicy('made', { rate: '3/min', block: true });
    await context.throttle.blocks.set(policy, 'user:ada', '10 seconds');
    expect((await context.throttle.consume(policy, 1, ada)).binding).toMatchObject({ retryAfterMs: 10_000 });
  });

  it.each<readonly [what: string, policy: PolicyOptions | string, message: string]>([
    [
      'without the option',
      '3/min',
      'blocks.set("login"): this policy has no option "block". Add it, policies.login: { block: true } for blocks by hand, or { block: { for: "5m" } }',
    ],
    [
      'with a rate of the call',
      { rate: () => '3/min', block: true },
      'blocks.set("login"): its rate is a function of the call',
    ],
    [
      'of each handler',
      { ...login, scope: 'handler' },
      'policies.login: has a budget for each handler, but there is no handler here',
    ],
  ])('are refused for a policy %s, with the fix', async (_, policy, message) => {
    await using context = await start({ login: policy });
    const setting = context.throttle.blocks.set('login', 'user:ada', '1h');
    await expect(setting).rejects.toThrow(ThrottleConfigError);
    await expect(setting).rejects.toThrow(message);
  });

  it('are refused for invalid values', async () => {
    await using context = await start();
    const { blocks } = context.throttle;
    const set = (...args: readonly unknown[]) => Reflect.apply(blocks.set, blocks, args);
    const list = (options: BlockListOptions) => blocks.list('login', options);
    const message = 'blocks.set("login"): the third argument: expected a duration';
    for (const time of ['1', 5, '5/min', '1 fortnight', '-1h', '0s']) {
      await expect(set('login', 'user:ada', time)).rejects.toThrow(message);
    }
    await expect(set('login', 'user:ada', '367d')).rejects.toThrow('longer than 366 days');
    await expect(set('login', 'user:ada', undefined)).rejects.toThrow(
      'expected a duration such as "1h", got undefined',
    );
    await expect(set('login', '', '1h')).rejects.toThrow('blocks.set("login"): subject: expected a subject');
    await expect(set('login', undefined, '1h')).rejects.toThrow('blocks.set("login"): subject: expected a subject');
    await expect(set('sign-in', 'user:ada', '1h')).rejects.toThrow('blocks.set("sign-in"): no policy has this name');
    await expect(list({ limit: 0 })).rejects.toThrow(
      'blocks.list("login").limit: expected a whole number from 1 to 1000',
    );
    await expect(list({ cursor: 'x' })).rejects.toThrow('blocks.list("login").cursor: expected the cursor of a page');
  });
});
