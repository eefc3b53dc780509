import { describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import { type ConnectOptions, type TestSockets, type Transport, transports } from '../../../support/gateway-app.js';
import type { TestSocket } from '../../../support/socket-client.js';
import { IoSocket } from '../../../support/socket-io-client.js';
import { until } from '../../../support/wait-until.js';
import { WsSocket } from '../../../support/ws-client.js';
import { attempts, perMinute, SlowBackend, startOnly } from './handshake-client.js';

const ways: readonly (readonly [transport: Transport, by: string, options: ConnectOptions])[] = [
  ['ws', 'websocket', {}],
  ['io', 'websocket', {}],
  ['io', 'polling', { transports: ['polling'] }],
];

function counting() {
  let count = 0;
  const present = new Set<unknown>();

  @WebSocketGateway()
  class ChatGateway {
    handleConnection(client: unknown): void {
      count += 1;
      present.add(client);
    }

    handleDisconnect(client: unknown): void {
      present.delete(client);
    }
  }
  return { opened: () => count, present, gateways: [ChatGateway] };
}

/** A client that is asking to be let in; what comes of it is left to the test. */
function asking(transport: Transport, { port }: TestSockets): TestSocket {
  if (transport === 'io') return new IoSocket(port, {});
  const socket = new WsSocket(port, {});
  // Its end, before it is open, is an error to it.
  socket.opened().catch(() => {});
  return socket;
}

describe.each(ways)('a connection of %s by %s that must wait', (transport, _by, way) => {
  const options = { sockets: { connections: { rate: '60/min', strategy: 'leaky-bucket', burst: 3 } } };

  it('is accepted when it is its turn, and refused if there is no room', async () => {
    const { opened, gateways } = counting();
    await using sockets = await startOnly({ transport, gateways, options });
    expect(await attempts(sockets, 1, way)).toEqual(['open']);
    const second = sockets.connect(way);
    await until(() => sockets.clock.waiting === 1);
    const third = sockets.connect(way);
    await until(() => sockets.clock.waiting === 2);
    expect(await attempts(sockets, 1, way)).toEqual(['limited']);
    expect(opened()).toBe(1);
    sockets.clock.advance(1000);
    expect((await second).isOpen).toBe(true);
    expect([sockets.clock.waiting, opened()]).toEqual([1, 2]);
    sockets.clock.advance(1000);
    expect((await third).isOpen).toBe(true);
    expect([sockets.clock.waiting, opened()]).toEqual([0, 3]);
  });
});

describe.each(transports)('a client of %s that leaves before it is accepted', (transport) => {
  it('causes no error if it was delayed, and gives its turn to the next', async () => {
    const { present, gateways } = counting();
    const options = { sockets: { connections: { rate: '60/min', strategy: 'leaky-bucket', burst: 6 } } };
    const [errors, warnings]: [string[], string[]] = [[], []];
    await using sockets = await startOnly({ transport, gateways, options, errors, warnings });
    await sockets.connect();
    const gone = [];
    for (let waiting = 1; waiting <= 4; waiting++) {
      gone.push(asking(transport, sockets));
      await until(() => sockets.clock.waiting === waiting);
    }
    await Promise.all(gone.map((socket) => socket.drop()));
    await until(() => sockets.clock.waiting === 0);
    const next = sockets.connect();
    await until(() => sockets.clock.waiting === 1);
    sockets.clock.advance(999);
    expect(sockets.clock.waiting).toBe(1);
    sockets.clock.advance(1);
    expect((await next).isOpen).toBe(true);
    await until(() => present.size === 2);
    expect([errors, warnings]).toEqual([[], []]);
  });

  it.each([
    ['let in', 2],
    ['refused', 1],
  ])('causes no error if it would have been %s', async (_how, limit) => {
    const { opened, present, gateways } = counting();
    const backend = new SlowBackend(false);
    const [errors, warnings]: [string[], string[]] = [[], []];
    const options = { backend, sockets: { connections: perMinute(limit) } };
    await using sockets = await startOnly({ transport, gateways, options, errors, warnings });
    await sockets.connect();
    backend.isSlow = true;
    const gone = asking(transport, sockets);
    await until(() => backend.waiting === 1);
    await gone.drop();
    backend.release();
    backend.isSlow = false;
    // It was charged all the same.
    expect(await attempts(sockets, 1)).toEqual(['limited']);
    backend.clock.advance(60_000);
    expect(await attempts(sockets, limit + 1)).toEqual([...new Array(limit).fill('open'), 'limited']);
    await until(() => present.size === 1 + limit);
    if (limit === 1) expect(opened()).toBe(2);
    expect([errors, warnings]).toEqual([[], []]);
  });
});

describe.each(ways)('concurrent connections of %s by %s', (transport, _by, way) => {
  it('are accepted up to the limit, even with a slow decision', async () => {
    const { opened, gateways } = counting();
    const backend = new SlowBackend(true);
    backend.isSlow = true;
    const options = { backend, sockets: { connections: perMinute(3) } };
    await using sockets = await startOnly({ transport, gateways, options });
    const all = Promise.allSettled(Array.from({ length: 10 }, () => sockets.connect(way)));
    await until(() => backend.waiting === 10);
    expect(opened()).toBe(0);
    backend.release();
    expect((await all).filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(opened()).toBe(3);
  });
});
