import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { attempts, from, perMinute, refusal, tooMany } from './handshake-client.js';

function counting() {
  const seen: unknown[] = [];

  @WebSocketGateway()
  class ChatGateway {
    handleConnection(client: unknown): void {
      seen.push(client);
    }

    @SubscribeMessage('echo')
    echo(@MessageBody() data: unknown): unknown {
      return { event: 'echoed', data };
    }
  }
  return { seen, gateways: [ChatGateway] };
}

describe.each(transports)('new connections on %s', (transport) => {
  it('are refused at the handshake over the limit', async () => {
    const { seen, gateways } = counting();
    const options = { sockets: { connections: perMinute(2) } };
    await using sockets = await startSockets({ transport, gateways, options });
    await sockets.connect();
    await sockets.connect();
    const { status, headers, body, data, message } = await refusal(sockets);
    if (transport === 'ws') {
      expect(status).toBe(429);
      expect(headers).toEqual({
        connection: 'close',
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(body.length),
        'ratelimit-policy': '"connections";q=2;w=60',
        ratelimit: '"connections";r=0;t=60',
        'retry-after': '60',
        'cache-control': 'no-store',
      });
      expect(JSON.parse(body)).toEqual({
        statusCode: 429,
        error: 'Too Many Requests',
        message: 'Too many requests. Retry in 60 seconds.',
        policy: 'connections',
        reason: 'rate',
        retryAfter: 60,
      });
    } else {
      expect([status, message]).toEqual([429, 'Too many connections']);
      expect(data).toEqual(tooMany({ limit: 2 }));
      expect(headers).toEqual({
        connection: 'close',
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(body.length),
        'ratelimit-policy': '"connections";q=2;w=60',
        ratelimit: '"connections";r=0;t=60',
        'retry-after': '60',
        'cache-control': 'no-store',
      });
    }
    expect(seen).toHaveLength(2);
  });

  it('are accepted again when the wait is over, and not before', async () => {
    const { seen, gateways } = counting();
    const options = { sockets: { connections: perMinute(2) } };
    await using sockets = await startSockets({ transport, gateways, options });
    expect(await attempts(sockets, 4)).toEqual(['open', 'open', 'limited', 'limited']);
    sockets.clock.advance(59_999);
    const { headers, data } = await refusal(sockets);
    if (transport === 'ws') expect(headers['retry-after']).toBe('1');
    else expect(data).toEqual(tooMany({ limit: 2, retry_after: 1 }));
    sockets.clock.advance(1);
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'limited']);
    expect(seen).toHaveLength(4);
  });

  it('are limited by several rates, all or none', async () => {
    const { gateways } = counting();
    const options = { sockets: { connections: { rate: '2/s; 3/min', strategy: 'fixed-window' } } };
    await using sockets = await startSockets({ transport, gateways, options });
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'limited']);
    sockets.clock.advance(1000);
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
    const { headers, data } = await refusal(sockets);
    if (transport === 'ws') {
      expect(headers['ratelimit-policy']).toBe('"connections-1s";q=2;w=1, "connections-1m";q=3;w=60');
      expect(headers.ratelimit).toBe('"connections-1s";r=1;t=1, "connections-1m";r=0;t=59');
      expect(headers['retry-after']).toBe('59');
    } else {
      expect(data).toEqual(tooMany({ policy: 'connections-1m', limit: 3, retry_after: 59 }));
    }
  });

  it('are not limited by default', async () => {
    const { gateways } = counting();
    await using sockets = await startSockets({ transport, gateways, options: { default: '1/day' } });
    expect(await attempts(sockets, 5)).toEqual(['open', 'open', 'open', 'open', 'open']);
  });

  it('are charged separately from messages', async () => {
    const { gateways } = counting();
    const options = { default: perMinute(2), sockets: { connections: perMinute(2) } };
    await using sockets = await startSockets({ transport, gateways, options });
    const socket = await sockets.connect();
    for (const data of [1, 2, 3]) {
      socket.send('echo', data);
      await socket.settled();
    }
    expect(socket.received).toEqual([
      { event: 'echoed', data: 1 },
      { event: 'echoed', data: 2 },
      { event: 'rate_limit', data: tooMany({ error: 'Too many messages', policy: 'default', limit: 2 }) },
    ]);
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
  });

  it.each(['express', 'fastify'] as const)('are counted by address with %s', async (adapter) => {
    const { gateways } = counting();
    const options = { sockets: { connections: '2/min', trustProxy: 'loopback' } };
    await using sockets = await startSockets({ transport, adapter, gateways, options });
    expect(await attempts(sockets, 3, from('203.0.113.1'))).toEqual(['open', 'open', 'limited']);
    expect(await attempts(sockets, 3, from('203.0.113.2'))).toEqual(['open', 'open', 'limited']);
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'limited']);
    // One network of IPv6, and one IPv4 address in two forms.
    expect(await attempts(sockets, 2, from('2001:db8:1:2::1'))).toEqual(['open', 'open']);
    expect(await attempts(sockets, 1, from('2001:db8:1:2:ffff::2'))).toEqual(['limited']);
    expect(await attempts(sockets, 1, from('2001:db8:1:3::1'))).toEqual(['open']);
    expect(await attempts(sockets, 1, from('::ffff:203.0.113.1'))).toEqual(['limited']);
  });
});

describe('a refused connection on ws', () => {
  const standard = { 'ratelimit-policy': '"connections";q=1;w=60', ratelimit: '"connections";r=0;t=60' };
  const legacy = { 'x-ratelimit-limit': '1', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '60' };

  it.each([
    ['standard', standard],
    ['legacy', legacy],
    ['both', { ...standard, ...legacy }],
    [false, {}],
  ] as const)('has the limits in its headers: %j', async (style, expected) => {
    const { gateways } = counting();
    const options = { headers: style, sockets: { connections: perMinute(1) } };
    await using sockets = await startSockets({ transport: 'ws', gateways, options });
    await sockets.connect();
    const { headers } = await refusal(sockets);
    const { connection: _, 'content-type': __, 'content-length': ___, ...told } = headers;
    expect(told).toEqual({ ...expected, 'retry-after': '60', 'cache-control': 'no-store' });
  });

  it('is problem details with errors "problem"', async () => {
    const { gateways } = counting();
    const options = { errors: 'problem', sockets: { connections: perMinute(1) } } as const;
    await using sockets = await startSockets({ transport: 'ws', gateways, options });
    await sockets.connect();
    const { status, headers, body } = await refusal(sockets);
    expect([status, headers['content-type']]).toEqual([429, 'application/problem+json']);
    expect(JSON.parse(body)).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Too Many Requests',
      status: 429,
      detail: 'Too many requests. Retry in 60 seconds.',
      'violated-policies': ['connections'],
      reason: 'rate',
      retryAfter: 60,
    });
  });
});

describe('connections on io', () => {
  const transport = 'io';

  it('that begin with polling are counted once each, and refused like others', async () => {
    const { seen, gateways } = counting();
    const options = { errors: 'problem', sockets: { connections: perMinute(2) } } as const;
    await using sockets = await startSockets({ transport, gateways, options });
    const polling = { transports: ['polling', 'websocket'] } as const;
    expect(await attempts(sockets, 3, polling)).toEqual(['open', 'open', 'limited']);
    expect((await refusal(sockets, polling)).data).toEqual(tooMany({ limit: 2 }));
    expect(seen).toHaveLength(2);
  });

  it('that begin with polling are counted by address', async () => {
    const { gateways } = counting();
    const options = { sockets: { connections: '1/min', trustProxy: 'loopback' } };
    await using sockets = await startSockets({ transport, gateways, options });
    for (const address of ['203.0.113.1', '203.0.113.2', '203.0.113.3']) {
      const polling = { ...from(address), transports: ['polling', 'websocket'] } as const;
      expect(await attempts(sockets, 2, polling)).toEqual(['open', 'limited']);
    }
  });
});
