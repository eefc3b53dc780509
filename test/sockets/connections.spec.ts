import { describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import { Throttle } from '../../src/index.js';
import { Refused, startSockets, type TestSockets, transports } from '../support/sockets.js';

/** How a connection is refused; an open one is an error. */
async function refusal(sockets: TestSockets, options = {}): Promise<Refused> {
  try {
    await sockets.connect(options);
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
  throw new Error('Expected the connection to be refused');
}

function counting() {
  const seen: unknown[] = [];

  @WebSocketGateway()
  class ChatGateway {
    handleConnection(client: unknown): void {
      seen.push(client);
    }
  }
  return { seen, gateways: [ChatGateway] };
}

describe.each(transports)('new connections on %s', (transport) => {
  it('are refused at the handshake over the limit', async () => {
    const { seen, gateways } = counting();
    const options = { sockets: { connections: { rate: '2/min', strategy: 'fixed-window' } } };
    await using sockets = await startSockets({ transport, gateways, options });
    await sockets.connect();
    await sockets.connect();
    const { status, headers, body, data, message } = await refusal(sockets);
    if (transport === 'ws') {
      expect([status, headers['retry-after'], headers['content-type'], headers['cache-control']]).toEqual([
        429,
        '60',
        'application/json; charset=utf-8',
        'no-store',
      ]);
      expect(JSON.parse(body)).toEqual({
        statusCode: 429,
        error: 'Too Many Requests',
        message: 'Too many requests. Retry in 60 seconds.',
        policy: 'connections',
        retryAfter: 60,
      });
    } else {
      expect(message).toBe('Too many connections');
      expect(data).toEqual({
        type: 'rate_limit',
        error: 'Too many connections',
        retry_after: 60,
        policy: 'connections',
        limit: 2,
        remaining: 0,
      });
    }
    expect(seen).toHaveLength(2);
    sockets.clock.advance(60_000);
    expect((await sockets.connect()).isOpen).toBe(true);
  });

  it('have a limit of their own where the gateway says so', async () => {
    @Throttle('60/min', { connections: '1/min' })
    @WebSocketGateway()
    class ChatGateway {}
    await using sockets = await startSockets({
      transport,
      gateways: [ChatGateway],
      options: { sockets: { connections: '5/min' } },
    });
    await sockets.connect();
    const { status, data } = await refusal(sockets);
    if (transport === 'ws') expect(status).toBe(429);
    else expect(data).toEqual(expect.objectContaining({ policy: 'connections', limit: 1 }));
  });
});
