import { describe, expect, it } from '@jest/globals';
import { Inject } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Throttle, type ThrottleModuleOptions, ThrottleService } from '../../../../src/index.js';
import { startSockets, type TestSocket, type Transport, transports } from '../../../support/gateway-app.js';

const strategy = 'fixed-window';
const handled: string[] = [];

@WebSocketGateway()
class ChatGateway {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Throttle('1/min', { strategy })
  @SubscribeMessage('say')
  say() {
    handled.push('say');
  }

  @Throttle('100/min', { strategy })
  @SubscribeMessage('other')
  other() {
    handled.push('other');
  }

  @SubscribeMessage('free')
  free() {
    handled.push('free');
  }

  @Throttle('1/min', { strategy, skip: () => true })
  @SubscribeMessage('skipped')
  skipped() {
    handled.push('skipped');
  }

  /** Let through by the interceptor, and denied by hand. */
  @Throttle('100/min', { strategy })
  @SubscribeMessage('by-hand')
  async byHand() {
    await this.throttle.hit('empty', 2);
    await this.throttle.hit('empty', 2);
  }

  /** Denied by hand, and not by hand. */
  @SubscribeMessage('mixed')
  async mixed() {
    await this.throttle.hit('empty', 2);
    await this.throttle.hit('full');
  }

  @SubscribeMessage('client')
  async client(@ConnectedSocket() client: object) {
    await this.throttle.hit('empty', 2, { on: client });
  }
}

async function send(socket: TestSocket, ...events: readonly string[]): Promise<void> {
  for (const event of events) {
    socket.send(event);
    await socket.settled();
  }
}

const closing = (transport: Transport, reason = 'Too many messages') =>
  transport === 'ws' ? { code: 1008, reason } : { code: null, reason: 'io server disconnect' };

describe.each(transports)('closeAfter on %s', (transport) => {
  const start = (closeAfter: number, more: ThrottleModuleOptions = {}) =>
    startSockets({
      transport,
      gateways: [ChatGateway],
      options: { policies: { empty: { rate: '1/min', strategy }, full: '100/min' }, sockets: { closeAfter }, ...more },
    });

  it('closes at the third denied message in a row', async () => {
    await using sockets = await start(3);
    const socket = await sockets.connect();
    await send(socket, 'say', 'say', 'say');
    expect(socket.isOpen).toBe(true);
    socket.send('say');
    expect(await socket.closed).toEqual(closing(transport));
    expect(socket.received.map(({ event }) => event)).toEqual(['rate_limit']);
  });

  it('starts over if a message in between was allowed', async () => {
    await using sockets = await start(3);
    const socket = await sockets.connect();
    await send(socket, 'say', 'say', 'say', 'other', 'say', 'say');
    expect(socket.isOpen).toBe(true);
    socket.send('say');
    expect(await socket.closed).toEqual(closing(transport));
  });

  it('continues if a message in between was not limited', async () => {
    await using sockets = await start(3);
    const socket = await sockets.connect();
    await send(socket, 'say', 'say', 'free', 'say', 'skipped');
    socket.send('say');
    expect(await socket.closed).toEqual(closing(transport));
  });

  it('counts a message once that its handler denied, and continues the row that it seemed to end', async () => {
    await using sockets = await start(3);
    const socket = await sockets.connect();
    await send(socket, 'by-hand', 'by-hand');
    expect(socket.isOpen).toBe(true);
    socket.send('by-hand');
    expect(await socket.closed).toEqual(closing(transport));
  });

  it('counts a denied message even if its handler is then allowed', async () => {
    await using sockets = await start(2);
    const socket = await sockets.connect();
    await send(socket, 'mixed');
    socket.send('mixed');
    expect(await socket.closed).toEqual(closing(transport));
  });

  it('counts charges by hand to the client', async () => {
    await using sockets = await start(2);
    const socket = await sockets.connect();
    await send(socket, 'client');
    socket.send('client');
    expect(await socket.closed).toEqual(closing(transport));
  });

  it('handles no messages that still arrive', async () => {
    await using sockets = await start(1);
    const socket = await sockets.connect();
    await send(socket, 'say');
    handled.length = 0;
    for (const event of ['say', 'other', 'free']) socket.send(event);
    expect(await socket.closed).toEqual(closing(transport));
    const other = await sockets.connect();
    await other.settled();
    expect(handled).toEqual([]);
  });

  it('does not affect other connections, and a new connection of the same subject gains nothing', async () => {
    await using sockets = await start(1);
    const [socket, other] = [await sockets.connect(), await sockets.connect()];
    await send(socket, 'say');
    socket.send('say');
    await socket.closed;
    await send(other, 'say');
    expect([other.isOpen, other.received]).toEqual([true, []]);
  });

  it.each([
    ['a text', 'Slow down.', 'Slow down.'],
    ['a text of more than 123 bytes', `${'x'.repeat(122)}é!`, 'x'.repeat(122)],
    ['an object', () => ({ code: 7 }), 'Too many messages'],
  ])('sends the reason: %s', async (_, message, reason) => {
    await using sockets = await start(1, { message });
    const socket = await sockets.connect();
    await send(socket, 'say');
    socket.send('say');
    expect(await socket.closed).toEqual(closing(transport, reason));
  });
});
