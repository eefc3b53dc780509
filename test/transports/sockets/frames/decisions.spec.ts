import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { WebSocket } from 'ws';
import type { Call, PolicyOptions, ThrottleModuleOptions } from '../../../../src/index.js';
import { limited } from '../../../support/denied-message.js';
import { startSockets, type Transport, transports } from '../../../support/gateway-app.js';
import { until } from '../../../support/wait-until.js';
import { perMinute, SlowBackend } from '../connections/handshake-client.js';

function echo() {
  const handled: unknown[] = [];

  @WebSocketGateway()
  class EchoGateway {
    @SubscribeMessage('echo')
    echo(@MessageBody() data: unknown): unknown {
      handled.push(data);
      return { event: 'echoed', data };
    }
  }
  return { handled, gateways: [EchoGateway] };
}

const start = (
  transport: Transport,
  frames: PolicyOptions,
  more: ThrottleModuleOptions = {},
  errors: string[] = [],
) => {
  const { handled, gateways } = echo();
  const options = { ...more, sockets: { frames, ...more.sockets } };
  return startSockets({ transport, gateways, options, errors }).then((sockets) => ({ sockets, handled }));
};

describe.each(transports)('a frame on %s', (transport) => {
  it('has a cost by its content: the raw data on ws, the event without its acknowledgement on socket.io', async () => {
    const messages: unknown[] = [];
    const cost = ({ message, type }: Call) => {
      messages.push([type, Buffer.isBuffer(message) ? String(message) : message]);
      return 1;
    };
    const { sockets } = await start(transport, { ...perMinute(9), cost });
    await using _ = sockets;
    const socket = await sockets.connect();
    socket.send('echo', 'a');
    await socket.next();
    expect(messages).toEqual([['ws', transport === 'ws' ? '{"event":"echo","data":"a"}' : ['echo', 'a']]]);
  });

  it.each([
    ['throws', () => Number.NaN],
    ['rejects', async () => Number.NaN],
  ])('is dropped if its cost %s, which is logged', async (_, cost) => {
    const errors: string[] = [];
    const { sockets, handled } = await start(transport, { ...perMinute(9), cost }, {}, errors);
    await using __ = sockets;
    const socket = await sockets.connect();
    socket.send('echo', 'a');
    await until(() => errors.length > 0);
    expect(errors).toEqual([
      'ThrottleModule.sockets.frames.cost: expected a cost that is a safe integer of at least 0, got NaN',
    ]);
    expect([handled, socket.isOpen]).toEqual([[], true]);
  });

  it('is not decided after its connection was closed for others', async () => {
    let asked = 0;
    const cost = () => {
      asked += 1;
      return 1;
    };
    const { sockets } = await start(transport, { ...perMinute(1), cost }, { sockets: { closeAfter: 1 } });
    await using _ = sockets;
    const socket = await sockets.connect();
    for (let i = 0; i < 5; i++) socket.send('echo', i);
    await socket.closed;
    expect(asked).toBe(2);
  });

  it('is handled after earlier ones, even if they are decided late', async () => {
    const backend = new SlowBackend(false);
    const { sockets, handled } = await start(transport, perMinute(9), { backend });
    await using _ = sockets;
    const socket = await sockets.connect();
    backend.isSlow = true;
    socket.send('echo', 1);
    await until(() => backend.waiting === 1);
    backend.isSlow = false;
    socket.send('echo', 2);
    // The second is decided before the first, and waits.
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    expect(handled).toEqual([]);
    backend.release();
    await socket.next();
    await socket.next();
    expect(handled).toEqual([1, 2]);
  });
});

describe('an acknowledgement on io', () => {
  it('is called if its event is denied as a frame', async () => {
    const messages: unknown[] = [];
    const cost = ({ message }: Call) => {
      messages.push(message);
      return 2;
    };
    const { sockets } = await start('io', { ...perMinute(1), cost });
    await using _ = sockets;
    const socket = await sockets.connect();
    const denied = limited({ policy: 'frames', limit: 1, remaining: 1, retry_after: null });
    expect(await socket.ask('echo', 1)).toEqual(denied);
    expect(messages).toEqual([['echo', 1]]);
  });
});

describe('a connection of ws', () => {
  const open = async (port: number) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(client, 'open');
    return client;
  };

  it('is charged for pings, which still get their pongs', async () => {
    const { sockets, handled } = await start('ws', perMinute(2));
    await using _ = sockets;
    const client = await open(sockets.port);
    for (let i = 0; i < 3; i++) {
      client.ping();
      await once(client, 'pong');
    }
    client.send('{"event":"echo","data":1}');
    client.ping();
    await once(client, 'pong');
    expect(handled).toEqual([]);
    client.terminate();
  });

  it('has its messages handled if it closes while they are decided', async () => {
    const backend = new SlowBackend(false);
    const { sockets, handled } = await start('ws', perMinute(9), { backend });
    await using _ = sockets;
    const client = await open(sockets.port);
    backend.isSlow = true;
    client.send('{"event":"echo","data":"bye"}');
    client.close();
    await once(client, 'close');
    await until(() => backend.waiting === 1);
    backend.release();
    await until(() => handled.length === 1);
    expect(handled).toEqual(['bye']);
  });
});
