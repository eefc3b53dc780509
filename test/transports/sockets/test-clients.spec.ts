import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Server } from 'socket.io';
import type { ServerOptions } from 'ws';
import { Refused, startSockets, type Transport, transports } from '../../support/gateway-app.js';
import { adapters } from '../../support/http-app.js';

interface Client {
  close?(code: number, reason: string): void;
  disconnect(isWhole: boolean): void;
}

@WebSocketGateway()
class EchoGateway {
  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    return { event: 'echoed', data };
  }

  @SubscribeMessage('slow')
  async slow(@MessageBody() data: unknown): Promise<unknown> {
    for (let turn = 0; turn < 10; turn++) await setImmediate();
    return { event: 'late', data };
  }

  @SubscribeMessage('sum')
  sum(@MessageBody() terms: readonly number[]): number {
    return terms.reduce((sum, term) => sum + term, 0);
  }

  @SubscribeMessage('leave')
  leave(@ConnectedSocket() client: Client): void {
    if (client.close) client.close(1008, 'enough');
    else client.disconnect(true);
  }
}

const gateways = [EchoGateway];

describe.each(transports)('a socket of %s', (transport) => {
  it.each(adapters)('gets responses with %s', async (adapter) => {
    await using sockets = await startSockets({ transport, gateways, adapter });
    const socket = await sockets.connect();
    socket.send('echo', { a: 1 });
    socket.send('echo', null);
    expect(await socket.next()).toEqual({ event: 'echoed', data: { a: 1 } });
    expect(await socket.next()).toEqual({ event: 'echoed', data: null });
    expect((await sockets.http.send('/')).status).toBe(404);
  });

  it('is settled when all of its messages have responses', async () => {
    await using sockets = await startSockets({ transport, gateways });
    const socket = await sockets.connect();
    for (let i = 1; i <= 3; i++) {
      socket.send('slow', i);
      await socket.settled();
      expect(socket.received.at(-1)).toEqual({ event: 'late', data: i });
    }
  });

  it('is settled under any limits', async () => {
    await using sockets = await startSockets({ transport, gateways, options: { default: '1/day' } });
    const socket = await sockets.connect();
    for (let i = 1; i <= 3; i++) await socket.settled();
    expect(socket.received).toEqual([]);
  });

  it('gets only its own messages', async () => {
    await using sockets = await startSockets({ transport, gateways });
    const [one, other] = [await sockets.connect(), await sockets.connect()];
    one.send('echo', 1);
    other.send('echo', 2);
    await Promise.all([one.settled(), other.settled()]);
    expect(one.received).toEqual([{ event: 'echoed', data: 1 }]);
    expect(other.received).toEqual([{ event: 'echoed', data: 2 }]);
  });

  it('is closed by the client or by the server', async () => {
    await using sockets = await startSockets({ transport, gateways });
    const [one, other] = [await sockets.connect(), await sockets.connect()];
    await one.close();
    expect([one.isOpen, other.isOpen]).toEqual([false, true]);
    expect(() => one.send('echo')).toThrow('Cannot send "echo": the socket is not open');

    other.send('leave');
    await expect(other.next()).rejects.toThrow('Closed while waiting for another message; received: []');
    expect(await other.closed).toEqual(
      transport === 'ws' ? { code: 1008, reason: 'enough' } : { code: null, reason: 'io server disconnect' },
    );
  });

  it('may be left open by a test', async () => {
    const sockets = await startSockets({ transport, gateways });
    const socket = await sockets.connect();
    await sockets[Symbol.asyncDispose]();
    expect(socket.isOpen).toBe(false);
  });
});

describe('a socket of ws', () => {
  const transport: Transport = 'ws';

  it('sends raw frames, and shows messages that are not events', async () => {
    await using sockets = await startSockets({ transport, gateways });
    const socket = await sockets.connect();
    socket.sendRaw('no JSON');
    socket.sendRaw(Buffer.from('{"event":"echo","data":1}'));
    socket.send('sum', [1, 2]);
    await socket.settled();
    expect(socket.received).toEqual([
      { event: 'echoed', data: 1 },
      { event: '', data: 3 },
    ]);
    await expect(socket.ask('sum', [])).rejects.toThrow('Cannot ask for "sum": ws has no acknowledgements');
  });

  it('connects to a path, with headers, or is refused', async () => {
    const options: ServerOptions = {
      verifyClient: ({ req }, answer) => answer(req.headers['x-key'] === 'a', 429, 'Slow down', { 'retry-after': '9' }),
    };

    @WebSocketGateway({ path: '/chat', ...options })
    class ChatGateway extends EchoGateway {}

    await using sockets = await startSockets({ transport, gateways: [...gateways, ChatGateway] });
    const socket = await sockets.connect({ path: '/chat?room=1', headers: { 'x-key': 'a' } });
    await socket.settled();
    const refusal = await sockets.connect({ path: '/chat' }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refused);
    expect(refusal).toMatchObject({ status: 429, headers: { 'retry-after': '9' }, body: 'Slow down' });
    await expect(sockets.connect({ path: '/nowhere' })).rejects.toThrow('socket hang up');
  });
});

describe('a socket of socket.io', () => {
  const transport: Transport = 'io';

  it.each(['polling', 'websocket'] as const)('gets acknowledgements by %s', async (by) => {
    await using sockets = await startSockets({ transport, gateways });
    const socket = await sockets.connect({ transports: [by] });
    expect(await socket.ask('sum', [1, 2])).toBe(3);
    await socket.settled();
    expect(socket.received).toEqual([]);
    expect(() => socket.sendRaw('')).toThrow('Cannot send a frame: on socket.io use send');
  });

  // The engine has 400 for every upgrade that it refuses.
  it.each([
    ['polling', 403],
    ['websocket', 400],
  ] as const)('is refused at the handshake by %s with a %i', async (by, status) => {
    @WebSocketGateway({ allowRequest: ({ headers }, answer) => answer(null, headers['x-key'] === 'a') })
    class KeyGateway extends EchoGateway {}

    await using sockets = await startSockets({ transport, gateways: [KeyGateway] });
    await sockets.connect({ transports: [by], headers: { 'x-key': 'a' } });
    const refusal = await sockets.connect({ transports: [by] }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refused);
    expect(refusal).toMatchObject({ status, data: undefined });
  });

  it('connects to a namespace, or is refused by its middleware', async () => {
    @WebSocketGateway({ path: '/engine', namespace: '/chat' })
    class ChatGateway extends EchoGateway {
      afterInit(server: Server): void {
        server.use(({ handshake }, next) =>
          next(handshake.auth.key === 'a' ? undefined : Object.assign(new Error('no key'), { data: { wanted: 'a' } })),
        );
      }
    }

    await using sockets = await startSockets({ transport, gateways: [ChatGateway] });
    const where = { path: '/engine', namespace: '/chat' };
    const socket = await sockets.connect({ ...where, auth: { key: 'a' } });
    socket.send('echo', 1);
    await socket.settled();
    expect(socket.received).toEqual([{ event: 'echoed', data: 1 }]);
    const refusal = await sockets.connect(where).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refused);
    expect(refusal).toMatchObject({ message: 'no key', data: { wanted: 'a' }, status: null });
  });
});
