import { describe, expect, it } from '@jest/globals';
import { ConflictException } from '@nestjs/common';
import {
  type Call,
  type CallContext,
  type PolicyOptions,
  subjectOf,
  ThrottleException,
  type ThrottleService,
} from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';
import { acting } from '../support/scripted-handler.js';
import { startContext } from '../support/service-app.js';

const strategy = 'fixed-window';
const mail: PolicyOptions = { rate: '2/min', strategy };
const ada = { subject: subjectOf.user('ada') };

const thrownBy = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing',
    (error) => error,
  );

describe('the context of a call', () => {
  it('is that of the policy merged with that of the call, which takes precedence; all functions get it', async () => {
    const seen: [string, CallContext][] = [];
    const see = <T>(name: string, answer: T) => {
      return ({ context }: Call) => {
        seen.push([name, context]);
        return answer;
      };
    };
    const policy: PolicyOptions = {
      rate: see('rate', '2/min'),
      strategy,
      by: see('by', 'somebody'),
      cost: see('cost', 3),
      skip: see('skip', false),
      message: see('message', 'No.'),
      onDenied: see('onDenied', undefined),
      context: { tenant: 'acme', region: 'eu' },
    };
    await using context = await startContext({ policies: { mail: policy } });
    const thrown = await thrownBy(
      context.throttle.hit([{ policy: 'mail' }], { context: { tenant: 'other', more: 1 } }),
    );
    expect(thrown).toBeInstanceOf(ThrottleException);
    const merged = { tenant: 'other', region: 'eu', more: 1 };
    expect(seen).toEqual(['skip', 'rate', 'by', 'cost', 'onDenied', 'message'].map((name) => [name, merged]));
  });

  it('separates budgets by its scope', async () => {
    await using context = await startContext({ policies: { mail, scoped: { ...mail, context: { scope: 'one' } } } });
    const { throttle } = context;
    const left = async (name: string, scope?: string) =>
      (await throttle.consume(name, 1, { ...ada, ...(scope !== undefined && { context: { scope } }) })).binding
        ?.remaining;
    expect([
      await left('mail'),
      await left('mail', 'one'),
      await left('mail', 'two'),
      await left('mail', 'one'),
    ]).toEqual([1, 1, 1, 0]);
    expect([await left('scoped'), await left('scoped', 'two'), await left('scoped', 'one')]).toEqual([1, 1, 0]);
    expect((await throttle.stat('mail', ada))?.remaining).toBe(1);
    expect((await throttle.stat('mail', { ...ada, context: { scope: 'one' } }))?.remaining).toBe(0);
    await throttle.reset('mail', { ...ada, context: { scope: 'one' } });
    expect((await throttle.stat('mail', { ...ada, context: { scope: 'one' } }))?.remaining).toBe(2);
  });
});

describe('hit', () => {
  it('charges nothing if the module skips the call', async () => {
    const skip = async ({ context }: Call) => context.internal === true;
    await using context = await startContext({ policies: { mail }, skip });
    const { throttle } = context;
    const internal = { ...ada, context: { internal: true } };
    for (let i = 0; i < 3; i++) {
      expect(await throttle.hit('mail', 1, internal)).toEqual({ allowed: true, decisions: [], binding: null });
    }
    expect(await throttle.check('mail', 99, internal)).toBe(true);
    expect(await throttle.stat('mail', internal)).toBeNull();
    expect((await throttle.hit('mail', 1, ada)).binding?.remaining).toBe(1);
  });

  it('omits a policy whose skip returns true', async () => {
    const skip = ({ context }: Call) => context.internal === true;
    await using context = await startContext({ policies: { mail: { ...mail, skip }, post: mail } });
    const { throttle } = context;
    const internal = { ...ada, context: { internal: true } };
    expect((await throttle.hit('mail', 9, internal)).decisions).toEqual([]);
    expect((await throttle.hit('post', 1, internal)).binding?.remaining).toBe(1);
    expect((await throttle.hit('mail', 1, ada)).binding?.remaining).toBe(1);
  });

  it.each<readonly [string, PolicyOptions['message'], object]>([
    ['a text', 'Too much mail.', { statusCode: 429, message: 'Too much mail.', policy: 'mail', retryAfter: 60 }],
    [
      'a function that gives a text',
      async ({ type }, { binding }) => `${type}: ${binding?.limit}`,
      { statusCode: 429, message: 'none: 2', policy: 'mail', retryAfter: 60 },
    ],
    ['a function that gives the body', () => ({ code: 'MAIL' }), { code: 'MAIL' }],
  ])('is denied with the message of the policy: %s', async (_, message, expected) => {
    const policies = { mail: { ...mail, ...(message !== undefined && { message }) } };
    await using context = await startContext({ policies, message: 'Of the module.' });
    await context.throttle.hit('mail', 2, ada);
    const error = await thrownBy(context.throttle.hit('mail', 2, ada));
    expect(error instanceof ThrottleException && error.getResponse()).toMatchObject(expected);
  });

  it('is denied with the message of the module if the policy has none', async () => {
    await using context = await startContext({ policies: { mail }, message: 'Of the module.' });
    const error = await thrownBy(context.throttle.hit('mail', 3, ada));
    expect(error instanceof ThrottleException && error.getResponse()).toMatchObject({ message: 'Of the module.' });
  });

  it('throws the exception of onDenied; consume and check do not call it', async () => {
    const told: string[] = [];
    const onDenied: PolicyOptions['onDenied'] = async ({ type }, { binding }) => {
      told.push(`${type} ${binding?.policy}`);
      throw new ConflictException('Come back later.');
    };
    await using context = await startContext({ policies: { mail: { ...mail, onDenied }, post: mail }, onDenied });
    const { throttle } = context;
    await throttle.consume('mail', 3, ada);
    await throttle.check('mail', 3, ada);
    expect(told).toEqual([]);
    for (const name of ['mail', 'post']) {
      await expect(throttle.hit(name, 3, ada)).rejects.toThrow(new ConflictException('Come back later.'));
    }
    expect(told).toEqual(['none mail', 'none post']);
  });
});

describe.each(adapters)('hit on %s', (adapter) => {
  const act = (throttle: ThrottleService) => throttle.hit('mail', 3);

  it('responds with the exception of onDenied', async () => {
    const onDenied = () => {
      throw new ConflictException('Come back later.');
    };
    await using app = await startApp({
      adapter,
      controllers: [acting(act)],
      options: { policies: { mail }, onDenied },
    });
    const { status, body } = await app.send('/act');
    expect([status, body.message]).toEqual([409, 'Come back later.']);
  });

  it('passes the call being handled to functions', async () => {
    const by = ({ type, request, handler, controller }: Call) =>
      `${type} ${request?.method} ${controller?.name}.${handler?.name}`;
    const asked = async (throttle: ThrottleService) => {
      await throttle.hit('mail', 2);
      return { left: (await throttle.stat('mail', { subject: 'http GET ActController.run' }))?.remaining };
    };
    await using app = await startApp({
      adapter,
      controllers: [acting(asked)],
      options: { policies: { mail: { ...mail, by } } },
    });
    expect((await app.send('/act')).body).toEqual({ left: 0 });
  });

  it('passes if the module skips the call', async () => {
    const skip = ({ request }: Call) => request?.headers['x-internal'] === 'yes';
    await using app = await startApp({ adapter, controllers: [acting(act)], options: { policies: { mail }, skip } });
    expect((await app.send('/act', { headers: { 'x-internal': 'yes' } })).status).toBe(200);
    expect((await app.send('/act')).status).toBe(429);
  });
});
