import { describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import { Throttle } from '../../../../src/index.js';
import { EngineSocket } from '../../../support/engine-client.js';
import { perMinute, startOnly } from './handshake-client.js';

@WebSocketGateway()
class ChatGateway {}

@Throttle({ connections: perMinute(1) })
@WebSocketGateway({ namespace: 'rare' })
class RareGateway {}

const start = () => startOnly({ transport: 'io', gateways: [ChatGateway, RareGateway] });

// Concurrent, since each of them waits for three seconds of real time.
describe('a client of io that was refused a namespace and stays', () => {
  it.concurrent('loses its connection soon', async () => {
    await using sockets = await start();
    const first = await EngineSocket.open(sockets.port);
    await first.join('/rare');
    const rude = await EngineSocket.open(sockets.port);
    expect((await rude.join('/rare')).packet).toBe(
      '44/rare,{"message":"Too many connections","data":{"type":"rate_limit","error":"Too many connections","retry_after":60,"policy":"connections","limit":1,"remaining":0,"reason":"rate"}}',
    );
    await rude.closed;
    expect(first.isOpen).toBe(true);
    await first.drop();
  });

  it.concurrent('keeps it if it has joined another namespace', async () => {
    await using sockets = await start();
    const first = await EngineSocket.open(sockets.port);
    await first.join('/rare');
    const [rude, other] = [await EngineSocket.open(sockets.port), await EngineSocket.open(sockets.port)];
    expect((await rude.join('/rare')).packet).toMatch(/^44/);
    expect((await rude.join('/')).packet).toMatch(/^40/);
    // Refused after it, and so gone after it would be.
    expect((await other.join('/rare')).packet).toMatch(/^44/);
    await other.closed;
    expect(rude.isOpen).toBe(true);
    await Promise.all([first.drop(), rude.drop()]);
  });
});
