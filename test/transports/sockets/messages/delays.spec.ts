import { describe, expect, it } from '@jest/globals';
import { HttpException, Inject } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { by, type Decision, Throttle, ThrottleService } from '../../../../src/index.js';
import { limited } from '../../../support/denied-message.js';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { until } from '../../../support/wait-until.js';

const strategy = 'fixed-window';

type Sockets = Awaited<ReturnType<typeof startSockets>>;
type Socket = Awaited<ReturnType<Sockets['connect']>>;

describe.each(transports)('limits of a gateway on %s', (transport) => {
  it('delay messages of a leaky bucket, in their order', async () => {
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

  it('return the units of delayed messages when their client leaves', async () => {
    const handled: unknown[] = [];

    @WebSocketGateway()
    class LeakyGateway {
      @Throttle('60/min', { strategy: 'leaky-bucket', burst: 6, by: by.all() })
      @SubscribeMessage('drip')
      drip(@MessageBody() drop: unknown) {
        handled.push(drop);
      }
    }
    await using sockets = await startSockets({ transport, gateways: [LeakyGateway] });
    const [leaving, staying] = [await sockets.connect(), await sockets.connect()];
    for (const drop of [1, 2, 3, 4, 5]) leaving.send('drip', drop);
    await until(() => sockets.clock.waiting === 4);
    sockets.clock.advance(500);
    await leaving.close();
    await until(() => sockets.clock.waiting === 0);
    staying.send('drip', 'next');
    await until(() => sockets.clock.waiting === 1);
    sockets.clock.advance(499);
    await staying.settled();
    expect([handled, sockets.clock.waiting]).toEqual([[1], 1]);
    sockets.clock.advance(1);
    await staying.settled();
    expect(handled).toEqual([1, 'next']);
  });

  it('drop a delayed message when the application closes, without a notice', async () => {
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

  it.each([
    ['the client leaves', 499, (sockets: Sockets, socket: Socket) => Promise.all([socket.close(), sockets])],
    ['the application closes', 503, (sockets: Sockets) => sockets.app.close()],
  ] as const)('stop a handler whose hit() is delayed when %s', async (_, status, interrupt) => {
    const handled: unknown[] = [];
    const rejected: unknown[] = [];

    @WebSocketGateway()
    class MailGateway {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @SubscribeMessage('mail')
      async mail(@MessageBody() mail: unknown) {
        try {
          await this.throttle.hit('mail', 1, { subject: 'outbox' });
          handled.push(mail);
        } catch (error) {
          rejected.push(error instanceof HttpException ? error.getStatus() : error);
        }
      }
    }
    const policies = { mail: { rate: '60/min', strategy: 'leaky-bucket', burst: 3 } };
    await using sockets = await startSockets({ transport, gateways: [MailGateway], options: { policies } });
    const socket = await sockets.connect();
    for (const mail of [1, 2, 3]) socket.send('mail', mail);
    await until(() => sockets.clock.waiting === 2);
    await interrupt(sockets, socket);
    await until(() => rejected.length === 2);
    expect([handled, rejected, sockets.clock.waiting]).toEqual([[1], [status, status], 0]);
  });

  it('return decisions that a handler can read', async () => {
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
