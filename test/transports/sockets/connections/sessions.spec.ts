import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import type { Server } from 'socket.io';
import { Throttle, ThrottleService } from '../../../../src/index.js';
import { ENGINE_PATH, EngineSocket } from '../../../support/engine-client.js';
import { Refused, type TestSockets } from '../../../support/gateway-app.js';
import { until } from '../../../support/wait-until.js';
import { attempts, from, perMinute, refusal, SlowBackend, startOnly, tooMany } from './handshake-client.js';

const transport = 'io';
const ofModule = (limit: number) => ({ sockets: { connections: perMinute(limit) } });

@WebSocketGateway()
class ChatGateway {}

@WebSocketGateway({ namespace: 'news' })
class NewsGateway {}

/** Opens sessions that never join a namespace. Tells how many are open. */
async function openSessions({ port }: TestSockets, count: number) {
  const all = await Promise.allSettled(Array.from({ length: count }, () => EngineSocket.open(port)));
  const open = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const statuses = all.flatMap((one) => (one.status === 'rejected' ? [one.reason.status] : []));
  return { open, statuses };
}

async function dropAll(sockets: readonly EngineSocket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.drop()));
}

describe('sessions of io that join no namespace', () => {
  @Throttle({ connections: perMinute(5) })
  @WebSocketGateway()
  class OwnGateway {}

  it.each([
    ['of the module', [ChatGateway], ofModule(5)],
    ['of the module, on several namespaces', [ChatGateway, NewsGateway], ofModule(5)],
    ['of the module, on a namespace that is not the main one', [NewsGateway], ofModule(5)],
    ['of a gateway', [OwnGateway], {}],
  ] as const)('are limited %s: 5 of 200', async (_whose, gateways, options) => {
    await using sockets = await startOnly({ transport, gateways, options });
    const { open, statuses } = await openSessions(sockets, 200);
    expect(open).toHaveLength(5);
    expect(statuses).toEqual(new Array(195).fill(429));
    sockets.clock.advance(60_000);
    const more = await openSessions(sockets, 6);
    expect(more.open).toHaveLength(5);
    await dropAll([...open, ...more.open]);
  });

  it('are at most the sum of the limits of all namespaces, if these differ', async () => {
    @Throttle({ connections: perMinute(2) })
    @WebSocketGateway({ namespace: 'rare' })
    class RareGateway {}
    await using sockets = await startOnly({ transport, gateways: [ChatGateway, RareGateway], options: ofModule(3) });
    const { open } = await openSessions(sockets, 20);
    expect(open).toHaveLength(5);
    await dropAll(open);
  });

  it('are not limited if a namespace is not', async () => {
    @Throttle({ connections: perMinute(1) })
    @WebSocketGateway({ namespace: 'rare' })
    class RareGateway {}
    await using sockets = await startOnly({ transport, gateways: [ChatGateway, RareGateway] });
    const { open } = await openSessions(sockets, 20);
    expect(open).toHaveLength(20);
    await dropAll(open);
  });

  it.each(['websocket', 'polling'] as const)(
    'are refused above the limit before they are opened, by %s',
    async (by) => {
      await using sockets = await startOnly({ transport, gateways: [ChatGateway], options: ofModule(1) });
      await sockets.connect();
      const { status, headers, body } = await refusal(sockets, { transports: [by] });
      expect(status).toBe(429);
      expect(headers).toMatchObject({ 'retry-after': '60', 'content-type': 'application/json; charset=utf-8' });
      expect(JSON.parse(body)).toEqual(tooMany());
      // The library's own client sees the status alone.
      const seen = await sockets.connect({ transports: [by] }).catch((error: unknown) => error);
      expect(seen).toBeInstanceOf(Refused);
      expect(seen).toMatchObject({ status: 429, data: undefined });
    },
  );

  it('emit each refusal like the engine', async () => {
    const told: unknown[] = [];
    @WebSocketGateway()
    class ListeningGateway {
      afterInit(server: Server): void {
        server.engine.on('connection_error', ({ code, message, context }) => told.push([code, message, context]));
      }
    }
    await using sockets = await startOnly({ transport, gateways: [ListeningGateway], options: ofModule(1) });
    expect(await attempts(sockets, 3)).toEqual(['open', 'limited', 'limited']);
    expect(told).toEqual(new Array(2).fill([4, 'Forbidden', { message: 'Too many connections' }]));
  });

  it('have the headers of CORS in responses', async () => {
    @WebSocketGateway({ cors: { origin: 'https://example.com' } })
    class OtherGateway {}
    await using sockets = await startOnly({ transport, gateways: [OtherGateway], options: ofModule(1) });
    await sockets.connect();
    const { status, headers } = await refusal(sockets, { transports: ['polling'] });
    expect([status, headers['access-control-allow-origin']]).toEqual([429, 'https://example.com']);
  });

  it('are counted by address, once, with any transports', async () => {
    const options = { sockets: { connections: perMinute(2), trustProxy: 'loopback' } };
    await using sockets = await startOnly({ transport, gateways: [ChatGateway], options });
    const both = { transports: ['polling', 'websocket'] } as const;
    expect(await attempts(sockets, 3, { ...from('203.0.113.1'), ...both })).toEqual(['open', 'open', 'limited']);
    expect(await attempts(sockets, 3, from('203.0.113.2'))).toEqual(['open', 'open', 'limited']);
  });

  it('do not crash if the client resets the connection during the decision', async () => {
    const backend = new SlowBackend(false);
    const errors: string[] = [];
    await using sockets = await startOnly({
      transport,
      gateways: [ChatGateway],
      options: { backend, ...ofModule(1) },
      errors,
    });
    backend.isSlow = true;
    const gone: net.Socket[] = [];
    for (let i = 1; i <= 2; i++) {
      const socket = net.connect(sockets.port, '127.0.0.1');
      socket.write(
        `GET ${ENGINE_PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      );
      await until(() => backend.waiting === i);
      gone.push(socket);
    }
    for (const socket of gone) {
      socket.resetAndDestroy();
      await once(socket, 'close');
    }
    backend.release();
    backend.isSlow = false;
    backend.clock.advance(60_000);
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
    expect(errors).toEqual([]);
  });
});

/** The server's end of a session over WebTransport, which Node cannot open: the engine is real, HTTP/3 is not. */
function webTransportSession() {
  const upstream = new TransformStream<Uint8Array, Uint8Array>();
  const downstream = new TransformStream<Uint8Array, Uint8Array>();
  let end = () => {};
  const closed = new Promise<void>((resolve) => {
    end = resolve;
  });
  let isClosed = false;
  // A packet of one byte: open (engine.io protocol 4).
  const sent = upstream.writable.getWriter().write(Uint8Array.of(1, 0x30));
  return {
    sent,
    isClosed: () => isClosed,
    session: {
      incomingBidirectionalStreams: ReadableStream.from([
        { readable: upstream.readable, writable: downstream.writable },
      ]),
      closed,
      close: () => {
        isClosed = true;
        end();
      },
    },
  };
}

describe('sessions of io over WebTransport', () => {
  it('are counted, and closed above the limit', async () => {
    let server: Server | undefined;
    @WebSocketGateway({ transports: ['polling', 'websocket', 'webtransport'] })
    class ModernGateway {
      afterInit(given: Server): void {
        server = given;
      }
    }
    await using sockets = await startOnly({ transport, gateways: [ModernGateway], options: ofModule(2) });
    const all = [1, 2, 3].map(webTransportSession);
    for (const [i, { session, sent }] of all.entries()) {
      server?.engine.onWebTransportSession(session);
      await sent;
      await until(() => (i < 2 ? server?.engine.clientsCount === i + 1 : all[2]?.isClosed() === true));
    }
    expect(all.map(({ isClosed }) => isClosed())).toEqual([false, false, true]);
    expect(server?.engine.clientsCount).toBe(2);
    await sockets.app.close();
  });
});

describe('the namespaces that an admitted session of io joins', () => {
  it('use the charge of the session for the first of them', async () => {
    await using sockets = await startOnly({ transport, gateways: [ChatGateway, NewsGateway], options: ofModule(3) });
    const session = await EngineSocket.open(sockets.port);
    expect((await session.join('/')).packet).toMatch(/^40/);
    expect((await session.join('/news')).packet).toMatch(/^40/);
    const { open, statuses } = await openSessions(sockets, 3);
    expect([open.length, statuses]).toEqual([1, [429, 429]]);
    await dropAll([session, ...open]);
  });

  it('are refused with data above the limit, and the session stays', async () => {
    await using sockets = await startOnly({ transport, gateways: [ChatGateway, NewsGateway], options: ofModule(1) });
    const session = await EngineSocket.open(sockets.port);
    await session.join('/');
    const { packet, data } = await session.join('/news');
    expect(packet).toMatch(/^44\/news,/);
    expect(data).toEqual({ message: 'Too many connections', data: tooMany() });
    expect(session.isOpen).toBe(true);
    await session.drop();
  });

  it('are charged by their own limits, and the charge of the session is refunded', async () => {
    @Throttle({ connections: perMinute(2) })
    @WebSocketGateway({ namespace: 'rare' })
    class RareGateway {}
    await using sockets = await startOnly({ transport, gateways: [ChatGateway, RareGateway], options: ofModule(1) });
    const at = { namespace: '/rare' };
    expect(await attempts(sockets, 3, at)).toEqual(['open', 'open', 'limited']);
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
  });

  it('are counted if they do not exist, and refused with data above the limit', async () => {
    await using sockets = await startOnly({ transport, gateways: [ChatGateway], options: ofModule(3) });
    const events: unknown[] = [];
    sockets.app.get(ThrottleService).events$.subscribe(({ type }) => events.push(type));
    const session = await EngineSocket.open(sockets.port);
    for (let i = 0; i < 3; i++) {
      expect((await session.join(`/none-${i}`)).data).toEqual({ message: 'Invalid namespace' });
    }
    for (let i = 0; i < 3; i++) {
      const { packet, data } = await session.join('/none');
      expect(packet).toMatch(/^44\/none,/);
      expect(data).toEqual({ message: 'Too many connections', data: tooMany({ limit: 3 }) });
    }
    expect(events).toEqual(['denied', 'denied', 'denied']);
    expect(await attempts(sockets, 1)).toEqual(['limited']);
    sockets.clock.advance(60_000);
    expect((await session.join('/none')).data).toEqual({ message: 'Invalid namespace' });
    await session.drop();
  });

  it('may be created on request, by a pattern', async () => {
    @WebSocketGateway({ namespace: /^\/room-\d$/ })
    class RoomGateway {}
    await using sockets = await startOnly({ transport, gateways: [RoomGateway], options: ofModule(2) });
    const session = await EngineSocket.open(sockets.port);
    expect((await session.join('/room-1')).packet).toMatch(/^40\/room-1/);
    expect((await session.join('/room-2')).packet).toMatch(/^40\/room-2/);
    expect((await session.join('/room-x')).data).toMatchObject({ data: tooMany({ limit: 2 }) });
    await session.drop();
  });
});
