import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  by,
  type CallResult,
  type ChargeWhen,
  definePolicy,
  type PolicyOptions,
  ThrottleException,
  ThrottleService,
} from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { startSockets } from '../../support/gateway-app.js';
import { adapters, startApp } from '../../support/http-app.js';
import { startContext } from '../../support/service-app.js';
import { until } from '../../support/wait-until.js';

const limit = { rate: '10/hour', strategy: 'fixed-window' } as const;
const job = { subject: 'job' };

async function start(more: Partial<PolicyOptions> = {}) {
  const backend = new CountedBackend();
  const context = await startContext({ backend, policies: { p: { ...limit, ...more } } });
  const { throttle } = context;
  const remaining = async () => (await throttle.stat('p', job))?.remaining;
  return {
    throttle,
    backend,
    remaining,
    clock: backend.manual,
    [Symbol.asyncDispose]: () => context[Symbol.asyncDispose](),
  };
}

const broken = new Error('broken');
const fail = async (): Promise<never> => {
  throw broken;
};

describe('run', () => {
  it('returns the result of the function, and charges its cost', async () => {
    await using context = await start({ cost: 2 });
    expect(await context.throttle.run('p', job, () => 'now')).toBe('now');
    expect(await context.throttle.run('p', { ...job, cost: 3 }, async () => 'later')).toBe('later');
    expect([await context.remaining(), context.backend.settled]).toEqual([5, []]);
  });

  it.each<[string, ChargeWhen | undefined, ChargeWhen | undefined, number, number]>([
    ['nothing', undefined, undefined, 6, 6],
    ['the rule of the run', undefined, 'success', 6, 10],
    ['the rule of the run', undefined, 'failure', 10, 6],
    ['the rule of the policy', 'success', undefined, 6, 10],
    ['the rule of the run before that of the policy', 'success', 'failure', 10, 6],
    ['a function', undefined, ({ value }) => (value === 'ok' ? 7 : 1), 3, 9],
    ['an asynchronous function', undefined, async ({ error }) => error !== undefined, 10, 6],
  ])('settles by %s (%p, %p), once', async (_, ofPolicy, ofRun, afterSuccess, afterFailure) => {
    const more = { cost: 4, ...(ofPolicy !== undefined && { chargeWhen: ofPolicy }) };
    const options = { ...job, ...(ofRun !== undefined && { chargeWhen: ofRun }) };
    {
      await using context = await start(more);
      await context.throttle.run('p', options, () => 'ok');
      expect(await context.remaining()).toBe(afterSuccess);
      expect(context.backend.settled).toEqual(afterSuccess === 6 ? [] : [[10 - afterSuccess]]);
    }
    await using context = await start(more);
    await expect(context.throttle.run('p', options, fail)).rejects.toBe(broken);
    expect(await context.remaining()).toBe(afterFailure);
    expect(context.backend.settled).toEqual(afterFailure === 6 ? [] : [[10 - afterFailure]]);
  });

  it('rethrows an error that the function throws synchronously', async () => {
    await using context = await start({ chargeWhen: 'success' });
    const thrown = context.throttle.run('p', job, () => {
      throw broken;
    });
    await expect(thrown).rejects.toBe(broken);
    expect(await context.remaining()).toBe(10);
  });

  it('passes either the value or the error to chargeWhen, and no status', async () => {
    const results: CallResult[] = [];
    await using context = await start({ chargeWhen: (result) => results.push(result) > 0 });
    await context.throttle.run('p', job, () => undefined);
    await context.throttle.run('p', job, fail).catch(() => {});
    expect(results).toEqual([{ value: undefined }, { error: broken }]);
  });

  it('throws a 429 if it is denied, and does not run the function', async () => {
    await using context = await start({ chargeWhen: 'failure' });
    let runs = 0;
    const denied = context.throttle.run('p', { ...job, cost: 11 }, () => {
      runs += 1;
    });
    await expect(denied).rejects.toThrow(ThrottleException);
    expect([runs, await context.remaining(), context.backend.settled]).toEqual([0, 10, []]);
  });

  it('delays the function under a policy with delays, and refunds it as charged at the end of the delay', async () => {
    await using context = await start({ rate: '60/min', strategy: 'leaky-bucket', burst: 5 });
    await context.throttle.run('p', job, () => 'first');
    const second = context.throttle.run('p', { ...job, chargeWhen: 'success' }, fail);
    await until(() => context.clock.waiting === 1);
    context.clock.advance(1000);
    await expect(second).rejects.toBe(broken);
    expect(await context.remaining()).toBe(5);
  });

  it('accepts a policy object', async () => {
    await using context = await start();
    const own = definePolicy('outbound', { rate: '3/min', strategy: 'fixed-window' });
    await context.throttle.run(own, { ...job, chargeWhen: 'failure' }, () => 'ok');
    expect((await context.throttle.stat(own, job))?.remaining).toBe(3);
  });

  it('settles overlapping runs separately', async () => {
    await using context = await start({ chargeWhen: 'success' });
    const ends: (() => void)[] = [];
    const runs = [1, 2, 3].map((one) =>
      context.throttle.run('p', { ...job, cost: one }, async () => {
        await new Promise<void>((resolve) => ends.push(resolve));
        if (one === 2) throw broken;
      }),
    );
    const all = Promise.allSettled(runs);
    await until(() => ends.length === 3);
    expect(await context.remaining()).toBe(4);
    for (const end of ends) end();
    expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await context.remaining()).toBe(6);
  });

  const aFunction = 'run(): expected a function to run as the third argument, got undefined';
  const anOptions =
    'run(): expected options as the second argument, such as run(policy, {}, fn), got the function fail';
  it.each<[string, readonly unknown[], string]>([
    [
      'no policy',
      [undefined, job, fail],
      "run(): expected a policy's name, or a policy that definePolicy() made, got undefined.",
    ],
    ['no function', ['p', job], aFunction],
    ['no options', ['p', fail], anOptions],
    [
      'an unknown option',
      ['p', { ...job, chargeWhn: 'success' }, fail],
      'run(): there is no option "chargeWhn". Did you mean "chargeWhen"?',
    ],
    [
      'a misspelt rule',
      ['p', { ...job, chargeWhen: 'sucess' }, fail],
      'run({ chargeWhen }): expected "success", "failure", or a function',
    ],
    [
      'a rule that is missing',
      ['p', { ...job, chargeWhen: undefined }, fail],
      'run({ chargeWhen }): expected "success", "failure", or',
    ],
    [
      'a cost that is missing',
      ['p', { ...job, cost: undefined }, fail],
      'run({ cost }): expected a cost that is a safe integer of at least 0',
    ],
    [
      'a subject that is missing',
      ['p', { subject: undefined }, fail],
      'run({ subject }): expected a string that is not empty',
    ],
    ['an unknown policy', ['q', job, fail], 'run("q"): no policy has this name.'],
  ])('refuses %s', async (_, args, message) => {
    await using context = await start();
    const { run } = context.throttle;
    await expect(Reflect.apply(run, context.throttle, args)).rejects.toThrow(message);
    expect(context.backend.asked).toEqual([]);
  });

  it('refuses a rule for leased units', async () => {
    await using context = await start({ lease: { batch: 5 } });
    await expect(context.throttle.run('p', { ...job, chargeWhen: 'failure' }, fail)).rejects.toThrow(
      'run("p").chargeWhen: cannot be combined with a lease, because leased units cannot be settled by the outcome of the run.',
    );
    expect(await context.throttle.run('p', job, () => 'ok')).toBe('ok');
  });
});

describe.each(adapters)('run within a call on %s', (adapter) => {
  it('is settled by its function instead of by the call', async () => {
    @Controller()
    class MailController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Get('mail')
      async send(): Promise<string> {
        await this.throttle.run('p', {}, fail).catch(() => {});
        return 'sent later';
      }

      @Get('kept')
      async keep(): Promise<string> {
        await this.throttle.run('p', {}, () => 'sent');
        throw broken;
      }

      @Get('denied')
      async deny(): Promise<string> {
        return this.throttle.run('p', { cost: 11 }, () => 'never');
      }
    }
    const backend = new CountedBackend();
    const policies = { p: { ...limit, by: by.all(), chargeWhen: 'success' } } as const;
    await using app = await startApp({ adapter, controllers: [MailController], options: { backend, policies } });
    expect((await app.send('/mail')).status).toBe(200);
    expect(backend.settled).toEqual([[0]]);
    const denied = await app.send('/denied');
    expect([denied.status, denied.body.message]).toEqual([
      429,
      'Too many requests. This one asks for more than the limit ever grants.',
    ]);
    // The run stays charged, although the call fails.
    expect((await app.send('/kept')).status).toBe(500);
    await app.send('/mail');
    expect(backend.settled).toEqual([[0], [0]]);
  });
});

describe('run within a message', () => {
  it('throws if it is denied, and sends nothing to the client: the handler decides', async () => {
    const errors: unknown[] = [];

    @WebSocketGateway()
    class MailGateway {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @SubscribeMessage('mail')
      async send(): Promise<void> {
        await this.throttle.run('p', { cost: 11 }, () => 'never').catch((error: unknown) => errors.push(error));
      }
    }
    await using sockets = await startSockets({
      transport: 'ws',
      gateways: [MailGateway],
      options: { policies: { p: limit } },
    });
    const socket = await sockets.connect();
    socket.send('mail');
    await socket.settled();
    expect(errors).toEqual([expect.any(ThrottleException)]);
    expect(socket.received).toEqual([]);
  });
});
