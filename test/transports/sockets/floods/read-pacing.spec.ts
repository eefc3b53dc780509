import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Call, Throttle } from '../../../../src/index.js';
import { startSockets, transports } from '../../../support/gateway-app.js';

const FLOOD = 200;

/** Whether the server reads from a client now. */
function isRead(client: object | undefined, transport: string): boolean {
  const wire = transport === 'ws' ? client : Reflect.get(client ?? {}, 'conn')?.transport?.socket;
  return wire?.isPaused === false;
}

describe.each(transports)('a client that is denied on %s', (transport) => {
  it('is not read for the rest of the event-loop turn, and read again in the next', async () => {
    const reads: boolean[] = [];
    let client: object | undefined;
    const onDenied = (call: Call) => {
      client = call.client;
      reads.push(isRead(client, transport));
    };

    @WebSocketGateway()
    class SayGateway {
      @Throttle('1/min', { strategy: 'fixed-window', onDenied })
      @SubscribeMessage('say')
      say() {}
    }
    await using sockets = await startSockets({ transport, gateways: [SayGateway] });
    const socket = await sockets.connect();
    for (let i = 0; i <= FLOOD; i++) socket.send('say');
    await socket.settled();
    expect(reads).toHaveLength(FLOOD);
    expect(new Set(reads)).toEqual(new Set([false]));
    expect(isRead(client, transport)).toBe(true);
  });
});

describe('a client of ws that is closed for its denials', () => {
  it('is terminated if it does not complete the closing handshake', async () => {
    @WebSocketGateway()
    class SayGateway {
      @Throttle('1/min', { strategy: 'fixed-window' })
      @SubscribeMessage('say')
      say() {}
    }
    const options = { sockets: { closeAfter: 1 } };
    await using sockets = await startSockets({ transport: 'ws', gateways: [SayGateway], options });
    const rude = net.connect(sockets.port, '127.0.0.1');
    rude.write(
      'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await once(rude, 'data');
    const text = Buffer.from('{"event":"say"}');
    // A text frame, masked with zeros (RFC 6455, 5.2).
    const frame = Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
    rude.on('data', () => {});
    rude.on('error', () => {});
    rude.write(Buffer.concat([frame, frame]));
    await once(rude, 'close');
    expect(rude.destroyed).toBe(true);
  });
});
