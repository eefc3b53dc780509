import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConflictException, Controller, Get, Inject, Param } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { by, type CallResult, type PolicyOptions, Throttle, ThrottleService } from '../../../src/index.js';
import { rejectedProblem } from '../../support/config-error.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { startSockets } from '../../support/gateway-app.js';
import { adapters, startApp, type TestApp } from '../../support/http-app.js';
import { startContext } from '../../support/service-app.js';
import { until } from '../../support/wait-until.js';

const shared = { rate: '10/hour', strategy: 'fixed-window', by: by.all() } as const;

describe.each(adapters)('charges by hand that are settled by outcome on %s', (adapter) => {
  const results: CallResult[] = [];
  const policies: Readonly<Record<string, PolicyOptions>> = {
    tries: { ...shared, chargeWhen: 'failure' },
    rows: { ...shared, chargeWhen: ({ value }) => Number(value) },
    seen: { ...shared, chargeWhen: (result) => results.push(result) === 0 },
  };

  @Controller()
  class NotesController {
    constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

    @Get('hit/:how')
    async hit(@Param('how') how: string): Promise<string> {
      await this.throttle.hit('tries', 2);
      if (how === 'fail') throw new ConflictException();
      return 'ok';
    }

    @Get('consume/:how')
    async consume(@Param('how') how: string): Promise<string> {
      await this.throttle.consume([{ policy: 'tries', cost: 3 }, { policy: 'seen' }]);
      if (how === 'fail') throw new ConflictException();
      return 'ok';
    }

    /** A limit of the handler that is charged by hand: how the handler ends is known. */
    @Throttle('rows', { manual: true })
    @Get('manual')
    async manual(): Promise<number> {
      await this.throttle.hit();
      return 4;
    }
  }

  const backend = new CountedBackend();
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp({ adapter, controllers: [NotesController], options: { backend, policies } });
  });
  afterAll(() => app.app.close());
  const remaining = async (policy: string) => (await app.app.get(ThrottleService).stat(policy))?.remaining;

  it('are settled by the response of their call', async () => {
    await app.send('/hit/well');
    await until(() => backend.settled.length === 1);
    expect(await remaining('tries')).toBe(10);
    await app.send('/hit/fail');
    expect(await remaining('tries')).toBe(8);
    await app.send('/consume/well');
    await until(() => backend.settled.length === 2);
    expect([await remaining('tries'), await remaining('seen')]).toEqual([8, 10]);
    await app.send('/consume/fail');
    await until(() => backend.settled.length === 3);
    expect([await remaining('tries'), await remaining('seen')]).toEqual([5, 10]);
    expect(results).toEqual([{ status: 200 }, { status: 409 }]);
  });

  it('get the result of the handler, if the handler has such a limit', async () => {
    const before = backend.settled.length;
    await app.send('/manual');
    await until(() => backend.settled.length > before);
    expect(await remaining('rows')).toBe(6);
  });
});

describe('a message that is charged by hand', () => {
  it('is settled when its handler ends', async () => {
    @WebSocketGateway()
    class SayGateway {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @SubscribeMessage('say')
      async say(@MessageBody() how: string): Promise<void> {
        await this.throttle.hit('tries', 2);
        if (how === 'fail') throw new WsException('no');
      }
    }
    const backend = new CountedBackend();
    const policies = { tries: { ...shared, chargeWhen: 'failure' } } as const;
    await using sockets = await startSockets({
      transport: 'ws',
      gateways: [SayGateway],
      options: { backend, policies },
    });
    const socket = await sockets.connect();
    const throttle = sockets.app.get(ThrottleService);
    socket.send('say', 'well');
    await socket.settled();
    expect((await throttle.stat('tries'))?.remaining).toBe(10);
    socket.send('say', 'fail');
    await socket.settled();
    expect([(await throttle.stat('tries'))?.remaining, backend.settled]).toEqual([8, [[0]]]);
  });
});

describe('a charge by hand whose outcome cannot be observed', () => {
  const policies = { tries: { ...shared, chargeWhen: 'failure' } } as const;

  it.each(['hit', 'consume'] as const)(
    'is refused outside any call, before anything is charged: %s',
    async (method) => {
      await using context = await startContext({ policies });
      await expect(context.throttle[method]('tries', 1, { subject: 'job' })).rejects.toThrow(
        `${method}("tries"): its \`chargeWhen\` depends on how the call ends, but there is no call here. Use run("tries", options, fn), which settles by how fn ends.`,
      );
      expect((await context.throttle.stat('tries', { subject: 'job' }))?.remaining).toBe(10);
    },
  );

  it('is refused for a socket without a message', async () => {
    const seen: string[] = [];

    @WebSocketGateway()
    class GreetingGateway {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      async handleConnection(client: object): Promise<void> {
        seen.push(await rejectedProblem(this.throttle.hit('tries', 1, { on: client })));
      }
    }
    await using sockets = await startSockets({ transport: 'ws', gateways: [GreetingGateway], options: { policies } });
    await sockets.connect();
    await until(() => seen.length > 0);
    expect(seen).toEqual([
      'hit("tries"): its `chargeWhen` depends on how the call ends, but its end cannot be observed. Use run("tries", options, fn), which settles by how fn ends.',
    ]);
  });

  it('can be read and reset', async () => {
    await using context = await startContext({ policies });
    const job = { subject: 'job' };
    expect(await context.throttle.check('tries', 3, job)).toBe(true);
    await context.throttle.reset('tries', job);
    expect((await context.throttle.stat('tries', job))?.remaining).toBe(10);
  });
});
