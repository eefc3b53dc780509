import { describe, expect, it } from '@jest/globals';
import { Inject } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { definePolicy, ThrottleService } from '../../../src/index.js';
import { rejectedProblem } from '../../support/config-error.js';
import { startSockets, transports } from '../../support/gateway-app.js';

describe.each(transports)('the service on %s', (transport) => {
  it('reports what is missing if no handler is known', async () => {
    const messages: unknown[] = [];

    @WebSocketGateway()
    class LostGateway {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      async handleConnection(client: object) {
        messages.push(await rejectedProblem(this.throttle.hit(1, { on: client })));
      }
    }
    await using sockets = await startSockets({ transport, gateways: [LostGateway] });
    await (await sockets.connect()).settled();
    expect(messages).toEqual([
      'hit() without a policy uses the limits of the handler, but ThrottleGuard and ThrottleInterceptor have seen no handler here. ' +
        'Name a policy, hit("name"), or pass { on: context }.',
    ]);
  });

  it('charges the connection under a policy object', async () => {
    const allowed: boolean[] = [];
    const once = definePolicy('once', { rate: '1/min', strategy: 'fixed-window' });

    @WebSocketGateway()
    class OnceGateway {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @SubscribeMessage('once')
      async once() {
        allowed.push((await this.throttle.consume(once)).allowed);
      }
    }
    await using sockets = await startSockets({ transport, gateways: [OnceGateway] });
    for (const socket of [await sockets.connect(), await sockets.connect()]) {
      for (let i = 0; i < 2; i++) {
        socket.send('once');
        await socket.settled();
      }
    }
    expect(allowed).toEqual([true, false, true, false]);
  });
});
