import { describe, expect, it } from '@jest/globals';
import { Inject } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { by, type Decision, Throttle, ThrottleService } from '../../../../src/index.js';
import { limited } from '../../../support/denied-message.js';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { until } from '../../../support/wait-until.js';

const strategy = 'fixed-window';

describe.each(transports)('limits of a gateway on %s', (transport) => {
  it('hold messages where a leaky bucket says so, in their order', async () => {
    const handled: unknown[] = [];

    @WebSocketGateway()
    class LeakyGateway {
      @Throttle('60/min', { strategy: 'leaky-bucket', burst: 3, by: by.all() })
      @SubscribeMessage('drip')
      drip(@MessageBody() drop: unknown) {
        handled.push(drop);
      }
    }
    await using sockets = await startSockets({ transport, gateways: [LeakyGateway] });
    const socket = await sockets.connect();
    for (const drop of [1, 2, 3, 4]) socket.send('drip', drop);
    expect(await socket.next()).toEqual({ event: 'rate_limit', data: limited({ limit: 3, retry_after: 1 }) });
    expect([handled, sockets.clock.waiting]).toEqual([[1], 2]);
    sockets.clock.advance(1000);
    await socket.settled();
    expect(handled).toEqual([1, 2]);
    await socket.close();
    const other = await sockets.connect();
    await other.settled();
    expect([handled, sockets.clock.waiting]).toEqual([[1, 2], 0]);
  });

  it('let a held message go where the application closes, without a word', async () => {
    const handled: unknown[] = [];

    @WebSocketGateway()
    class LeakyGateway {
      @Throttle('60/min', { strategy: 'leaky-bucket', burst: 3 })
      @SubscribeMessage('drip')
      drip(@MessageBody() drop: unknown) {
        handled.push(drop);
      }
    }
    await using sockets = await startSockets({ transport, gateways: [LeakyGateway] });
    const socket = await sockets.connect();
    for (const drop of [1, 2]) socket.send('drip', drop);
    await until(() => sockets.clock.waiting === 1);
    await sockets.app.close();
    expect([handled, socket.received]).toEqual([[1], []]);
  });

  it('are decisions that a handler can look at', async () => {
    const decisions: (Decision | null)[] = [];

    @Throttle('3/min', { strategy })
    @WebSocketGateway()
    class LookingGateway {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @SubscribeMessage('look')
      async look() {
        decisions.push(await this.throttle.stat());
      }
    }
    await using sockets = await startSockets({ transport, gateways: [LookingGateway] });
    const socket = await sockets.connect();
    for (let i = 0; i < 2; i++) {
      socket.send('look');
      await socket.settled();
    }
    expect(decisions.map((decision) => decision?.remaining)).toEqual([2, 1]);
  });
});
