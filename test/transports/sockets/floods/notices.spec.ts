import { describe, expect, it } from '@jest/globals';
import { limited } from '../../../support/denied-message.js';
import { startSockets, type TestSocket, type TestSockets, transports } from '../../../support/gateway-app.js';
import { scaled } from '../../../support/scale.js';
import { speaking } from '../chat-gateway.js';

const DENIED = scaled(300, 1000);
const ALLOWED = 2;

async function flood(socket: TestSocket, count: number): Promise<void> {
  for (let i = 0; i < count; i++) socket.send('say', i);
  await socket.settled();
}

/** A client that has said all that it may. */
async function exhausted(sockets: TestSockets): Promise<TestSocket> {
  const socket = await sockets.connect();
  await flood(socket, ALLOWED);
  return socket;
}

const said = (data: number) => ({ event: 'said', data });
const notice = (retry_after = 60) => ({ event: 'rate_limit', data: limited({ retry_after }) });

describe.each(transports)('a flood on %s', (transport) => {
  it('gets one notice while the clock does not advance', async () => {
    await using sockets = await startSockets({ transport, gateways: speaking() });
    const socket = await exhausted(sockets);
    await flood(socket, DENIED);
    expect(socket.received).toEqual([said(0), said(1), notice()]);
  });

  it('gets one notice within a second, and another after it', async () => {
    await using sockets = await startSockets({ transport, gateways: speaking() });
    const socket = await exhausted(sockets);
    for (let tenth = 0; tenth < 10; tenth++) {
      await flood(socket, DENIED / 10);
      sockets.clock.advance(tenth < 9 ? 100 : 99);
    }
    await flood(socket, 1);
    expect(socket.received).toEqual([said(0), said(1), notice()]);
    sockets.clock.advance(1);
    await flood(socket, DENIED);
    expect(socket.received).toEqual([said(0), said(1), notice(), notice(59)]);
  });

  it('gets a notice every `noticeEveryMs`', async () => {
    const options = { sockets: { noticeEveryMs: 250 } };
    await using sockets = await startSockets({ transport, gateways: speaking(), options });
    const socket = await exhausted(sockets);
    for (const advance of [249, 1, 249, 1, 0]) {
      await flood(socket, 100);
      sockets.clock.advance(advance);
    }
    expect(socket.received).toEqual([said(0), said(1), notice(), notice(), notice()]);
  });

  it('gets a notice for every message if `noticeEveryMs` is 0', async () => {
    const options = { sockets: { noticeEveryMs: 0 } };
    await using sockets = await startSockets({ transport, gateways: speaking(), options });
    const socket = await exhausted(sockets);
    await flood(socket, DENIED);
    expect(socket.received).toEqual([said(0), said(1), ...Array.from({ length: DENIED }, () => notice())]);
  });

  it('does not affect the notices of other connections', async () => {
    await using sockets = await startSockets({ transport, gateways: speaking() });
    const [one, other] = [await exhausted(sockets), await exhausted(sockets)];
    await flood(one, DENIED);
    await flood(other, 1);
    expect(other.received).toEqual([said(0), said(1), notice()]);
  });

  it('does not close the connection by default', async () => {
    await using sockets = await startSockets({ transport, gateways: speaking() });
    const socket = await exhausted(sockets);
    await flood(socket, DENIED);
    expect(socket.isOpen).toBe(true);
    sockets.clock.advance(60_000);
    await flood(socket, 1);
    expect(socket.received.at(-1)).toEqual(said(0));
  });
});

describe('a flood on io', () => {
  it('gets every acknowledgement with the payload', async () => {
    await using sockets = await startSockets({ transport: 'io', gateways: speaking() });
    const socket = await exhausted(sockets);
    const answers = await Promise.all(Array.from({ length: DENIED }, (_, i) => socket.ask('say', i)));
    expect(answers).toEqual(Array.from({ length: DENIED }, () => limited()));
    expect(socket.received).toEqual([said(0), said(1), notice()]);
  });
});
