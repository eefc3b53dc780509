import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import { startSockets, type TestSockets } from '../../../support/gateway-app.js';

@WebSocketGateway()
class ChatGateway {}

@WebSocketGateway({ namespace: 'open' })
class OpenGateway {}

/** A client that speaks socket.io's protocol by hand, and does not leave when it is turned away. */
class RudeClient {
  readonly heard: string[] = [];
  readonly #socket: WebSocket;

  constructor({ port }: TestSockets) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
    this.#socket.on('message', (packet) => this.heard.push(String(packet)));
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  async join(namespace: string): Promise<void> {
    if (!this.isOpen) await once(this.#socket, 'open');
    this.#socket.send(`40${namespace}`);
    await once(this.#socket, 'message');
  }

  async closed(): Promise<void> {
    await once(this.#socket, 'close');
  }

  drop(): void {
    this.#socket.terminate();
  }
}

const start = (gateways: (typeof ChatGateway)[]) =>
  startSockets({
    transport: 'io',
    gateways,
    options: { sockets: { connections: { rate: '1/min', strategy: 'fixed-window' } } },
  });

// Concurrent, since each of them waits for three seconds of real time.
describe('a client of io that was refused and stays', () => {
  it.concurrent('loses its connection soon', async () => {
    await using sockets = await start([ChatGateway]);
    await sockets.connect();
    const rude = new RudeClient(sockets);
    await rude.join('');
    await rude.closed();
    expect(rude.heard.find((packet) => packet.startsWith('44'))).toBe(
      '44{"message":"Too many connections","data":{"type":"rate_limit","error":"Too many connections","retry_after":60,"policy":"connections","limit":1,"remaining":0}}',
    );
  });

  it.concurrent('keeps it where it has joined another namespace', async () => {
    await using sockets = await start([ChatGateway, OpenGateway]);
    const rude = new RudeClient(sockets);
    await rude.join('');
    await rude.join('/open,');
    // Refused after it, and so gone after it would be.
    const other = new RudeClient(sockets);
    await other.join('/open,');
    await other.closed();
    expect(rude.heard.some((packet) => packet.startsWith('44/open'))).toBe(true);
    expect(rude.isOpen).toBe(true);
    rude.drop();
  });
});
