import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import type { Server } from 'socket.io';
import { by, Throttle, type ThrottleModuleOptions } from '../../../../src/index.js';
import { EngineSocket } from '../../../support/engine-client.js';
import { startSockets, type TestSockets } from '../../../support/gateway-app.js';
import { until } from '../../../support/wait-until.js';

const limit = { rate: '3/min', strategy: 'fixed-window' };

/** An application whose sessions can be recovered. */
async function recovering(where: 'messages' | 'frames', skipMiddlewares = true) {
  const handled: unknown[] = [];
  const recovered: boolean[] = [];
  let server: Server | undefined;

  @WebSocketGateway({ connectionStateRecovery: { skipMiddlewares } })
  class SayGateway {
    @WebSocketServer() server!: Server;

    handleConnection(client: { readonly recovered: boolean }): void {
      recovered.push(client.recovered);
      ({ server } = this);
    }

    @SubscribeMessage('say')
    say(@MessageBody() data: unknown): void {
      handled.push(data);
    }
  }
  if (where === 'messages') Throttle(limit)(SayGateway);
  const options: ThrottleModuleOptions = where === 'frames' ? { sockets: { frames: limit } } : {};
  const sockets = await startSockets({ transport: 'io', gateways: [SayGateway], options });
  return { sockets, handled, recovered, tell: () => server?.emit('news', 'a') };
}

/** Joins the main namespace, for the first time or again; what lets the session be recovered. */
async function join({ port }: TestSockets, session?: object) {
  const socket = await EngineSocket.open(port);
  const { data } = await socket.join('/', session);
  return { socket, pid: Reflect.get(Object(data), 'pid'), sid: Reflect.get(Object(data), 'sid') };
}

async function say(socket: EngineSocket, count: number): Promise<void> {
  for (let i = 0; i < count; i++) socket.send(`42["say",${i}]`);
  socket.send('42["harness:ping",1]');
  await socket.next('42["harness:pong"');
}

describe('a session of io that is recovered', () => {
  it.each([
    ['messages', true],
    ['messages', false],
    ['frames', true],
  ] as const)('keeps its budget: %s, middlewares skipped: %s', async (where, skipMiddlewares) => {
    const { sockets, handled, recovered, tell } = await recovering(where, skipMiddlewares);
    await using _ = sockets;
    let { socket, pid, sid } = await join(sockets);
    for (let round = 0; round < 12; round++) {
      tell();
      const news = await socket.next('42["news"');
      if (where === 'messages') await say(socket, 3);
      else {
        for (let i = 0; i < 3; i++) socket.send(`42["say",${i}]`);
        if (round === 0) await until(() => handled.length === 3);
        else await socket.next('42["rate_limit"');
      }
      await socket.drop();
      const offset = JSON.parse(news.slice(2)).at(-1);
      const again = await join(sockets, { pid, offset });
      expect(again.sid).toBe(sid);
      socket = again.socket;
    }
    expect(recovered).toEqual([false, ...new Array(12).fill(true)]);
    expect(handled).toEqual([0, 1, 2]);
    sockets.clock.advance(60_000);
    for (let i = 0; i < 3; i++) socket.send(`42["say","later"]`);
    await until(() => handled.length === 6);
    await socket.drop();
  });

  it('has a separate budget from a new session', async () => {
    const { sockets, handled } = await recovering('messages');
    await using _ = sockets;
    const [one, other] = [await join(sockets), await join(sockets)];
    expect(one.sid).not.toBe(other.sid);
    await say(one.socket, 5);
    await say(other.socket, 5);
    expect(handled).toEqual([0, 1, 2, 0, 1, 2]);
    await one.socket.drop();
    await other.socket.drop();
  });

  it('has no budget that a client could choose', async () => {
    const { sockets, handled } = await recovering('messages');
    await using _ = sockets;
    const one = await join(sockets);
    await say(one.socket, 5);
    const forged = await join(sockets, { pid: one.sid, offset: 'a' });
    expect(forged.sid).not.toBe(one.sid);
    await say(forged.socket, 5);
    expect(handled).toEqual([0, 1, 2, 0, 1, 2]);
    await one.socket.drop();
    await forged.socket.drop();
  });
});

it('by.connection() identifies recoverable sessions by their public id', () => {
  const find = by.connection();
  const client = { id: 'public', pid: 'secret', emit() {}, handshake: {} };
  expect(find({ type: 'ws', context: {}, client })).toBe('conn:public');
  const { pid: _, ...other } = client;
  expect(find({ type: 'ws', context: {}, client: other })).toMatch(/^conn:[\w-]{12}-\d+$/);
});
