import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Throttle } from '../../../../src/index.js';
import { limited } from '../../../support/denied-message.js';
import { startSockets, transports } from '../../../support/gateway-app.js';

function chat() {
  const handled: unknown[] = [];

  @WebSocketGateway()
  class ChatGateway {
    @Throttle('2/min', { strategy: 'fixed-window' })
    @SubscribeMessage('say')
    say(@MessageBody() text: unknown): unknown {
      handled.push(text);
      return { event: 'said', data: text };
    }

    @Throttle('2/min', { strategy: 'fixed-window' })
    @SubscribeMessage('ask')
    ask(@MessageBody() text: unknown): unknown {
      handled.push(text);
      return { answer: text };
    }
  }
  return { handled, gateways: [ChatGateway] };
}

describe.each(transports)('messages on %s', (transport) => {
  it('are handled up to the limit, then get a notice with the wait, and are handled again after it', async () => {
    const { handled, gateways } = chat();
    await using sockets = await startSockets({ transport, gateways });
    const socket = await sockets.connect();
    for (const text of [1, 2, 3]) {
      socket.send('say', text);
      await socket.settled();
    }
    expect(handled).toEqual([1, 2]);
    expect(socket.received).toEqual([
      { event: 'said', data: 1 },
      { event: 'said', data: 2 },
      { event: 'rate_limit', data: limited() },
    ]);
    expect(socket.isOpen).toBe(true);
    sockets.clock.advance(59_999);
    socket.send('say', 4);
    await socket.settled();
    expect(handled).toEqual([1, 2]);
    sockets.clock.advance(1);
    socket.send('say', 5);
    await socket.settled();
    expect(handled).toEqual([1, 2, 5]);
    expect(socket.received.slice(3)).toEqual([
      { event: 'rate_limit', data: limited({ retry_after: 1 }) },
      { event: 'said', data: 5 },
    ]);
  });
});

describe('acknowledgements on io', () => {
  it('are called with the message if a call is denied', async () => {
    const { handled, gateways } = chat();
    await using sockets = await startSockets({ transport: 'io', gateways });
    const socket = await sockets.connect();
    expect(await Promise.all([1, 2, 3, 4].map((text) => socket.ask('ask', text)))).toEqual([
      { answer: 1 },
      { answer: 2 },
      limited(),
      limited(),
    ]);
    expect(handled).toEqual([1, 2]);
  });
});
