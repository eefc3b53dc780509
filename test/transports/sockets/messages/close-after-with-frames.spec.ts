import { describe, expect, it } from '@jest/globals';
import { Inject } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { defer } from 'rxjs';
import { Throttle, ThrottleService } from '../../../../src/index.js';
import { limited } from '../../../support/denied-message.js';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { refusal } from '../connections/handshake-client.js';

const strategy = 'fixed-window';
const policies = { scarce: { rate: '1/min', strategy } };

@WebSocketGateway()
class FoundGateway {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Throttle('1/min', { strategy })
  @SubscribeMessage('say')
  say() {
    return { event: 'said' };
  }

  @SubscribeMessage('later')
  later() {
    return defer(async () => ({ event: 'came', data: (await this.throttle.hit('scarce')).allowed }));
  }

  @SubscribeMessage('silent')
  async silent() {
    if (!(await this.throttle.hit('scarce')).allowed) return;
    return 'said';
  }
}

describe.each(transports)('a gateway on %s', (transport) => {
  it('closes after denials in a row with a limit of frames that allows them', async () => {
    const sockets = { closeAfter: 3, frames: '1000/min' };
    await using app = await startSockets({ transport, gateways: [FoundGateway], options: { policies, sockets } });
    const socket = await app.connect();
    socket.send('say');
    expect((await socket.next()).event).toBe('said');
    for (let i = 0; i < 3; i++) socket.send('say');
    await socket.closed;
    expect(socket.received.map(({ event }) => event)).toEqual(['said', 'rate_limit']);
  });

  it('limits by hand when an Observable is subscribed to', async () => {
    await using app = await startSockets({ transport, gateways: [FoundGateway], options: { policies } });
    const socket = await app.connect();
    for (const allowed of [true, false]) {
      socket.send('later');
      const messages = allowed ? [await socket.next()] : [await socket.next(), await socket.next()];
      expect(messages).toContainEqual({ event: 'came', data: allowed });
    }
  });
});

describe('a handler on io that denied by hand, and does not respond', () => {
  it('still gets the acknowledgement called', async () => {
    await using app = await startSockets({ transport: 'io', gateways: [FoundGateway], options: { policies } });
    const socket = await app.connect();
    expect(await socket.ask('silent')).toBe('said');
    expect(await socket.ask('silent')).toEqual(limited({ policy: 'scarce', limit: 1 }));
  });
});

describe('a gateway that is not on the main namespace of io', () => {
  it("does not change the module's limit of that one", async () => {
    @WebSocketGateway({ namespace: 'a' })
    class AsideGateway {}

    const options = { sockets: { connections: { rate: '2/min', strategy: strategy as 'fixed-window' } } };
    await using app = await startSockets({ transport: 'io', gateways: [AsideGateway], options });
    await app.connect();
    await app.connect();
    expect((await refusal(app)).message).toBe('Too many connections');
  });
});
