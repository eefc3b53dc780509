import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import {
  by,
  type Call,
  definePolicy,
  EXEMPT,
  subjectOf,
  Throttle,
  ThrottleException,
  ThrottleService,
} from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';
import { startContext } from '../support/service-app.js';

const strategy = 'fixed-window';
const mail = { rate: '3/min', strategy };
const ada = { subject: subjectOf.user('ada') };
const bob = { subject: subjectOf.user('bob') };

const standing = {
  policy: 'mail',
  allowed: true,
  limit: 3,
  remaining: 3,
  resetMs: 0,
  retryAfterMs: 0,
  delayMs: 0,
  windowMs: 60_000,
};

describe('with a subject, in an application without HTTP', () => {
  it('hit charges that subject, and no other', async () => {
    await using context = await startContext({ policies: { mail } });
    const decision = { ...standing, remaining: 1, resetMs: 60_000 };
    expect(await context.throttle.hit('mail', 2, ada)).toMatchObject({
      allowed: true,
      decisions: [decision],
      binding: decision,
    });
    expect((await context.throttle.hit('mail', 1, bob)).binding?.remaining).toBe(2);
    expect((await context.throttle.hit('mail', 1, ada)).binding?.remaining).toBe(0);
  });

  it('hit throws with the outcome above the limit', async () => {
    await using context = await startContext({ policies: { mail } });
    await context.throttle.hit('mail', 2, ada);
    const error: unknown = await context.throttle.hit('mail', 2, ada).catch((caught) => caught);
    if (!(error instanceof ThrottleException)) throw new Error(`expected a ThrottleException, got ${error}`);
    expect(error.getStatus()).toBe(429);
    expect(error.getResponse()).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Too many requests. Retry in 60 seconds.',
      policy: 'mail',
      reason: 'rate',
      retryAfter: 60,
    });
    const decision = {
      ...standing,
      allowed: false,
      remaining: 1,
      resetMs: 60_000,
      retryAfterMs: 60_000,
      reason: 'rate',
    };
    expect(error.outcome).toEqual({ allowed: false, decisions: [decision], binding: decision });
  });

  it('consume returns a denial, and never throws', async () => {
    await using context = await startContext({ policies: { mail } });
    context.clock.advance(20_000);
    const decision = { ...standing, allowed: false, retryAfterMs: null, reason: 'rate' };
    expect(await context.throttle.consume('mail', 4, ada)).toEqual({
      allowed: false,
      decisions: [decision],
      binding: decision,
    });
    expect((await context.throttle.consume('mail', 3, ada)).allowed).toBe(true);
    expect((await context.throttle.consume('mail', 1, ada)).binding?.retryAfterMs).toBe(40_000);
  });

  it('check returns whether a cost would pass, and takes nothing', async () => {
    await using context = await startContext({ policies: { mail } });
    const { throttle } = context;
    for (let i = 0; i < 5; i++) expect(await throttle.check('mail', 3, ada)).toBe(true);
    expect(await throttle.check('mail', 4, ada)).toBe(false);
    expect((await throttle.hit('mail', 3, ada)).binding?.remaining).toBe(0);
    expect(await throttle.check('mail', 1, ada)).toBe(false);
    expect(await throttle.check('mail', 0, ada)).toBe(true);
  });

  it('stat returns the remaining units and the wait for a cost of 1, and takes nothing', async () => {
    await using context = await startContext({ policies: { mail } });
    const { throttle, clock } = context;
    for (let i = 0; i < 5; i++) expect(await throttle.stat('mail', ada)).toEqual(standing);
    await throttle.hit('mail', 2, ada);
    expect(await throttle.stat('mail', ada)).toEqual({ ...standing, remaining: 1, resetMs: 60_000 });
    await throttle.hit('mail', 1, ada);
    clock.advance(25_000);
    const empty = { ...standing, allowed: false, remaining: 0, resetMs: 35_000, retryAfterMs: 35_000, reason: 'rate' };
    expect(await throttle.stat('mail', ada)).toEqual(empty);
    clock.advance(35_000);
    expect(await throttle.stat('mail', ada)).toEqual(standing);
  });

  it('stat returns the binding decision of several', async () => {
    await using context = await startContext({ policies: { mail: { rate: '4/s; 10/min', strategy } } });
    const { throttle, clock } = context;
    await throttle.hit('mail', 4, ada);
    expect(await throttle.stat('mail', ada)).toMatchObject({
      policy: 'mail-1s',
      allowed: false,
      remaining: 0,
      retryAfterMs: 1000,
    });
    clock.advance(1000);
    expect(await throttle.stat('mail', ada)).toMatchObject({
      policy: 'mail-1m',
      allowed: true,
      remaining: 6,
      retryAfterMs: 0,
    });
  });

  it('stat is null if nothing limits', async () => {
    const policies = {
      open: 'unlimited',
      skipped: { rate: '1/min', skip: () => true },
      exempt: { rate: '1/min', by: (): typeof EXEMPT => EXEMPT },
    };
    await using context = await startContext({ policies });
    for (const name of ['open', 'skipped']) expect(await context.throttle.stat(name, ada)).toBeNull();
    expect(await context.throttle.stat('exempt')).toBeNull();
  });

  it('reset drops the charges of that subject, and of no other', async () => {
    await using context = await startContext({ policies: { mail, post: { ...mail, skip: () => false } } });
    const { throttle } = context;
    for (const who of [ada, bob]) for (const name of ['mail', 'post']) await throttle.hit(name, 3, who);
    await throttle.reset('mail', ada);
    expect((await throttle.stat('mail', ada))?.remaining).toBe(3);
    expect((await throttle.stat('mail', bob))?.remaining).toBe(0);
    expect((await throttle.stat('post', ada))?.remaining).toBe(0);
  });

  it('stat and reset use the budget, regardless of cost and skip', async () => {
    const when = { skipped: false };
    const policy = { ...mail, cost: () => 0, skip: () => when.skipped };
    await using context = await startContext({ policies: { mail: policy } });
    const { throttle } = context;
    await throttle.hit('mail', 2, ada);
    expect((await throttle.stat('mail', ada))?.remaining).toBe(1);
    when.skipped = true;
    await throttle.reset('mail', ada);
    when.skipped = false;
    expect((await throttle.stat('mail', ada))?.remaining).toBe(3);
  });

  it('accepts a policy that definePolicy returned instead of a name', async () => {
    await using context = await startContext();
    const { throttle } = context;
    const policy = definePolicy('jobs', { rate: '2/min', strategy });
    expect((await throttle.hit(policy, 2, ada)).binding).toMatchObject({ policy: 'jobs', remaining: 0 });
    expect(await throttle.check(policy, 1, ada)).toBe(false);
    expect((await throttle.stat(policy, bob))?.remaining).toBe(2);
    await throttle.reset(policy, ada);
    expect((await throttle.stat(policy, ada))?.remaining).toBe(2);
  });

  it('is not needed if the policy finds the subject itself', async () => {
    const byTenant = ({ type, context }: Call) => `${type}:${String(context.tenant)}`;
    await using context = await startContext({
      policies: { all: { ...mail, by: by.all() }, tenant: { ...mail, by: byTenant } },
    });
    const { throttle } = context;
    expect((await throttle.hit('all')).binding?.remaining).toBe(2);
    expect((await throttle.stat('all', { subject: 'all' }))?.remaining).toBe(2);
    await throttle.hit('tenant', 1, { context: { tenant: 'acme' } });
    expect((await throttle.stat('tenant', { subject: 'none:acme' }))?.remaining).toBe(2);
  });
});

@Controller()
class SearchController {
  @Throttle('mail') @Get('mail') mail() {}

  @Throttle('mail', { by: by.header('X-Key') }) @Get('key') key() {}
}

describe.each(adapters)('a subject on %s', (adapter) => {
  it.each([
    ['/mail', subjectOf.ip('127.0.0.1')],
    ['/key', subjectOf.header('X-Key', 'secret')],
  ])('is the one that the guard charged on %s', async (path, subject) => {
    await using app = await startApp({ adapter, controllers: [SearchController], options: { policies: { mail } } });
    const throttle = app.app.get(ThrottleService);
    expect((await app.send(path, { headers: { 'x-key': 'secret' } })).status).toBe(200);
    expect((await throttle.stat('mail', { subject }))?.remaining).toBe(2);
    await throttle.hit('mail', 2, { subject });
    expect((await app.send(path, { headers: { 'x-key': 'secret' } })).status).toBe(429);
  });
});

describe.each(adapters)('a subject that is undefined, on %s', (adapter) => {
  @Controller()
  class MailController {
    constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

    @Get('hit') hit() {
      return this.throttle.hit('mail', 1, { subject: missing });
    }

    @Get('consume') consume() {
      return this.throttle.consume('mail', 1, { subject: missing });
    }

    @Get('left') left() {
      return this.throttle.stat('mail');
    }
  }
  const missing = process.env.SLUICE_NO_SUCH_VARIABLE as string;

  it.each(['hit', 'consume'])('is an error of %s, and charges no other subject', async (method) => {
    const errors: string[] = [];
    await using app = await startApp({
      adapter,
      controllers: [MailController],
      options: { policies: { mail } },
      errors,
    });
    expect(await app.statuses(`/${method}`, 1)).toEqual([500]);
    expect(errors).toEqual([
      `${method}({ subject }): expected a string that is not empty, got undefined. Is an environment variable or a configuration value missing? ` +
        'Leave the option out to use its default: the subject that the policy finds.',
    ]);
    expect((await app.send('/left')).body).toMatchObject({ remaining: 3 });
  });
});
