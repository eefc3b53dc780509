import { describe, expect, it } from '@jest/globals';
import { type ExecutionContext, Inject, UseGuards } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { isThrottled, Throttle, ThrottleService, throttleWait } from '../../../src/index.js';
import { limited } from '../../support/denied-message.js';
import { startSockets, type TestSockets, transports } from '../../support/gateway-app.js';

const strategy = 'fixed-window';
const policies = { upload: { rate: '5/min', strategy }, scarce: { rate: '2/min', strategy } };

type Act = (throttle: ThrottleService, client: object, data: unknown) => Promise<unknown>;

/** A gateway that does what a test says, and keeps what came of it. */
function acting(act: Act) {
  const results: unknown[] = [];

  @WebSocketGateway()
  class ActGateway {
    constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

    @SubscribeMessage('act')
    async act(@ConnectedSocket() client: object, @MessageBody() data: unknown) {
      results.push(await act(this.throttle, client, data).catch((error: Error) => error.message));
    }

    @Throttle('2/min', { strategy, manual: true })
    @SubscribeMessage('own')
    async own(@ConnectedSocket() client: object, @MessageBody() data: unknown) {
      await this.act(client, data);
    }
  }
  return { results, gateways: [ActGateway] };
}

async function send(sockets: TestSockets, count: number, event = 'act', data?: unknown) {
  const socket = await sockets.connect();
  for (let i = 0; i < count; i++) {
    socket.send(event, data);
    await socket.settled();
  }
  return socket;
}

describe.each(transports)('the service in a handler of %s', (transport) => {
  it('charges, does not throw above the limit, and notifies the client', async () => {
    const { results, gateways } = acting(async (throttle) => {
      const { allowed, binding } = await throttle.hit('upload', 3);
      return [allowed, binding?.remaining];
    });
    await using sockets = await startSockets({ transport, gateways, options: { policies } });
    const socket = await send(sockets, 2);
    expect(results).toEqual([
      [true, 2],
      [false, 2],
    ]);
    expect(socket.received).toEqual([
      { event: 'rate_limit', data: limited({ policy: 'upload', limit: 5, remaining: 2 }) },
    ]);
    await send(sockets, 1);
    expect(results[2]).toEqual([true, 2]);
  });

  it('charges the limits of the handler if no policy is named', async () => {
    const { results, gateways } = acting(async (throttle) => (await throttle.hit(2)).allowed);
    await using sockets = await startSockets({ transport, gateways });
    const socket = await send(sockets, 2, 'own');
    expect(results).toEqual([true, false]);
    expect(socket.received).toEqual([{ event: 'rate_limit', data: limited() }]);
  });

  it('charges a client that is passed like the one whose message is handled', async () => {
    const { results, gateways } = acting(async (throttle, client) => {
      const { allowed } = await throttle.hit('scarce', 1, { on: client });
      const own = await throttle.hit(1, { on: client }).catch((error: Error) => error.message);
      return [allowed, typeof own === 'string' ? own : own.allowed];
    });
    await using sockets = await startSockets({ transport, gateways, options: { policies } });
    await send(sockets, 3, 'own');
    expect(results).toEqual([
      [true, true],
      [true, true],
      [false, false],
    ]);
  });

  it('reports what would pass and the current state, and writes nothing', async () => {
    const { results, gateways } = acting(async (throttle) => [
      await throttle.check('scarce', 2),
      await throttle.check('scarce', 3),
      (await throttle.stat('scarce'))?.remaining,
    ]);
    await using sockets = await startSockets({ transport, gateways, options: { policies } });
    const socket = await send(sockets, 2);
    expect(results).toEqual([
      [true, false, 2],
      [true, false, 2],
    ]);
    expect(socket.received).toEqual([]);
  });

  it('consumes without notifying the client', async () => {
    const { results, gateways } = acting(async (throttle) => (await throttle.consume('scarce', 2)).allowed);
    await using sockets = await startSockets({ transport, gateways, options: { policies } });
    const socket = await send(sockets, 2);
    expect([results, socket.received]).toEqual([[true, false], []]);
  });

  it('refunds and resets', async () => {
    const { results, gateways } = acting(async (throttle, _, data) => {
      const outcome = await throttle.consume('scarce', 2);
      if (data === 'refund') await throttle.refund(outcome);
      if (data === 'reset') await throttle.reset('scarce');
      return outcome.allowed;
    });
    await using sockets = await startSockets({ transport, gateways, options: { policies } });
    await send(sockets, 2, 'act', 'refund');
    await send(sockets, 2, 'act', 'reset');
    await send(sockets, 2);
    expect(results).toEqual([true, true, true, true, true, false]);
  });

  it('returns the latest outcome of a client', async () => {
    const { results, gateways } = acting(async (throttle, client) => {
      const before = [isThrottled(client), throttleWait(client)];
      await throttle.consume('scarce');
      return [...before, isThrottled(client), throttleWait(client)];
    });
    await using sockets = await startSockets({ transport, gateways, options: { policies } });
    await send(sockets, 4);
    expect(results).toEqual([
      [false, 0, false, 0],
      [false, 0, false, 0],
      [false, 0, true, 60_000],
      [true, 60_000, true, 60_000],
    ]);
  });

  it('returns the outcome of a client that the interceptor has denied', async () => {
    const clients: object[] = [];

    @WebSocketGateway()
    class OnceGateway {
      @Throttle('1/min', { strategy })
      @SubscribeMessage('once')
      once(@ConnectedSocket() client: object) {
        clients.push(client);
      }
    }
    await using sockets = await startSockets({ transport, gateways: [OnceGateway] });
    await send(sockets, 2, 'once');
    expect(clients.map((client) => [isThrottled(client), throttleWait(client)])).toEqual([[true, 60_000]]);
  });

  it('limits in handleConnection, and in a guard by the execution context', async () => {
    const results: unknown[] = [];
    class HitGuard {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      async canActivate(context: ExecutionContext) {
        return (await this.throttle.hit('scarce', 1, { on: context })).allowed;
      }
    }

    @WebSocketGateway()
    class WatchedGateway {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      async handleConnection(client: object) {
        results.push((await this.throttle.hit('upload', 5, { on: client })).allowed);
        results.push((await this.throttle.hit('upload', 1, { on: client })).allowed);
      }

      @UseGuards(HitGuard)
      @SubscribeMessage('guarded')
      guarded() {
        results.push('handled');
      }
    }
    await using sockets = await startSockets({ transport, gateways: [WatchedGateway], options: { policies } });
    const socket = await send(sockets, 3, 'guarded');
    expect(results).toEqual([true, false, 'handled', 'handled']);
    expect(socket.received[0]).toEqual({ event: 'rate_limit', data: limited({ policy: 'upload', limit: 5 }) });
  });
});
