import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { startSockets, transports } from '../../../support/gateway-app.js';

function echo() {
  const handled: unknown[] = [];

  @WebSocketGateway()
  class EchoGateway {
    @SubscribeMessage('echo')
    echo(@MessageBody() data: unknown): unknown {
      handled.push(data);
      return { event: 'echoed', data };
    }
  }
  return { handled, gateways: [EchoGateway] };
}

describe.each(transports)('frames on %s', (transport) => {
  it('are counted with a handler and without, and withheld over the limit', async () => {
    const { handled, gateways } = echo();
    const options = { sockets: { frames: { rate: '4/min', strategy: 'fixed-window' } } };
    await using sockets = await startSockets({ transport, gateways, options });
    const socket = await sockets.connect();
    socket.send('echo', 1);
    socket.send('nobody', 2);
    if (transport === 'ws') socket.sendRaw('no JSON');
    else socket.send('nobody', 3);
    socket.send('echo', 4);
    socket.send('echo', 5);
    // A notice may come before the answers to what was sent earlier.
    expect([await socket.next(), await socket.next(), await socket.next()]).toContainEqual({
      event: 'rate_limit',
      data: {
        type: 'rate_limit',
        error: 'Too many messages',
        retry_after: 60,
        policy: 'frames',
        reason: 'rate',
        limit: 4,
        remaining: 0,
      },
    });
    sockets.clock.advance(60_000);
    await socket.settled();
    expect(handled).toEqual([1, 4]);
  });
});
