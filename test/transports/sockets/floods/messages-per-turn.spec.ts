import { once } from 'node:events';
import http from 'node:http';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type ServerOptions, WebSocketServer } from 'ws';
import { type PolicyOptions, Throttle } from '../../../../src/index.js';
import { ENGINE_PATH } from '../../../support/engine-client.js';
import { startSockets, type TestSockets } from '../../../support/gateway-app.js';
import { openRaw, textFrame } from '../../../support/raw-websocket.js';
import { until } from '../../../support/wait-until.js';

const FLOOD = 200;
const BURST = 16;
const ways = ['ws', 'io by websocket', 'io by polling'] as const;
type Way = (typeof ways)[number];

/** A client that sends any number of messages at once. */
interface Flooder {
  send(count: number): Promise<unknown>;
  [Symbol.dispose](): void;
}

/** Counts what happens in each turn of the event loop: from one poll for input to the next. */
function turns() {
  let counts = new Map<number, number>();
  return {
    count: () => {
      const { loopCount } = performance.nodeTiming.uvMetricsInfo;
      counts.set(loopCount, (counts.get(loopCount) ?? 0) + 1);
    },
    take: () => {
      const taken = [...counts.values()];
      counts = new Map();
      return taken;
    },
  };
}

async function start(way: Way, limit?: PolicyOptions, server: object = {}) {
  const handled: unknown[] = [];
  const { count, take } = turns();
  let denied = 0;

  @WebSocketGateway(server)
  class SayGateway {
    @SubscribeMessage('say')
    say(@MessageBody() data: unknown): void {
      handled.push(data);
      count();
    }
  }
  const onDenied = () => {
    denied += 1;
    count();
  };
  if (limit !== undefined) Throttle({ ...limit, onDenied })(SayGateway);
  const transport = way === 'ws' ? 'ws' : 'io';
  const sockets = await startSockets({ transport, gateways: [SayGateway] });
  const client = await (way === 'io by polling' ? polling(sockets) : websocket(sockets, way));
  return { sockets, client, handled, deniedSoFar: () => denied, take };
}

async function websocket({ port }: TestSockets, way: Way): Promise<Flooder> {
  const socket = await openRaw(port, way === 'ws' ? '/' : ENGINE_PATH);
  const one = way === 'ws' ? (i: number) => `{"event":"say","data":${i}}` : (i: number) => `42["say",${i}]`;
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  if (way !== 'ws') {
    socket.write(textFrame('40'));
    await until(() => heard.includes('40{'));
  }
  return {
    send: async (count) => socket.write(Buffer.concat(Array.from({ length: count }, (_, i) => textFrame(one(i))))),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Opens a session by polling, and joins the main namespace. */
async function polling({ port }: TestSockets) {
  const ask = async (path: string, method = 'GET', payload = '') => {
    const request = http.request({ host: '127.0.0.1', port, path, method, agent: false });
    request.end(payload);
    const [response] = await once(request, 'response');
    return text(response);
  };
  const path = '/socket.io/?EIO=4&transport=polling';
  const opened = await ask(path);
  const session = `${path}&sid=${JSON.parse(opened.slice(1)).sid}`;
  const post = (payload: string) => ask(session, 'POST', payload);
  await post('40');
  await ask(session);
  return {
    post,
    /** Waits for packets of the server. */
    poll: () => ask(session),
    send: (count: number) => post(Array.from({ length: count }, (_, i) => `42["say",${i}]`).join('\x1e')),
    [Symbol.dispose]: () => {},
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

describe.each(ways)('messages that arrive at once on %s', (way) => {
  it('are handled by up to 16 per turn of the event loop while they are within the limits', async () => {
    const { sockets, client, handled, take } = await start(way, { rate: '1000/min' });
    await using _ = sockets;
    using __ = client;
    const sent = client.send(FLOOD);
    await until(() => handled.length === FLOOD);
    await sent;
    expect(handled).toEqual(numbers(FLOOD));
    expect(Math.max(...take())).toBeLessThanOrEqual(BURST);
    // A connection that is busy is not slowed down.
    await client.send(BURST - 1);
    await until(() => handled.length === FLOOD + BURST - 1);
    expect(Math.max(...take())).toBeGreaterThan(BURST / 2);
  });

  it('are handled one per turn from the first denial on, until a second has passed without one', async () => {
    const limit = { rate: '20 per 100 ms', strategy: 'fixed-window' };
    const { sockets, client, handled, deniedSoFar, take } = await start(way, limit);
    await using _ = sockets;
    using __ = client;
    await client.send(FLOOD);
    await until(() => handled.length + deniedSoFar() === FLOOD);
    expect(handled).toEqual(numbers(20));
    const flooded = take();
    expect(Math.max(...flooded)).toBeLessThanOrEqual(BURST);
    // The 20 that pass and the first denial come in two turns, or in three if the flood was read in parts.
    expect(Math.max(...flooded.slice(3))).toBe(1);
    expect(flooded.length).toBeGreaterThan(FLOOD - 3 * BURST);

    sockets.clock.advance(999);
    await client.send(20);
    await until(() => handled.length === 40);
    expect(Math.max(...take())).toBe(1);

    sockets.clock.advance(1);
    await client.send(1);
    await until(() => handled.length === 41);
    take();
    sockets.clock.advance(100);
    await client.send(20);
    await until(() => handled.length === 61);
    expect(Math.max(...take())).toBeGreaterThan(BURST / 2);
  });

  it('are paced even without a limit', async () => {
    const { sockets, client, handled, take } = await start(way);
    await using _ = sockets;
    using __ = client;
    await client.send(FLOOD);
    await until(() => handled.length === FLOOD);
    expect(handled).toEqual(numbers(FLOOD));
    expect(Math.max(...take())).toBeLessThanOrEqual(BURST);
  });
});

describe('a POST of io by polling', () => {
  it('gets its response after all of its packets have been handled', async () => {
    const { sockets, client, handled } = await start('io by polling', { rate: '1000/min' });
    await using _ = sockets;
    using __ = client;
    await client.send(FLOOD);
    expect(handled).toHaveLength(FLOOD);
  });

  it('ends the session if another one arrives before its response', async () => {
    const { sockets, handled } = await start('io by polling', { rate: '1/min' });
    await using _ = sockets;
    const { post, poll } = await polling(sockets);
    const first = post(Array.from({ length: 5000 }, (_, i) => `42["say",${i}]`).join('\x1e'));
    expect(await poll()).toContain('rate_limit');
    // Without a client that waits the engine would keep the session for half a minute.
    const polled = poll();
    await setTimeout(10);
    await post('42["say",-1]');
    expect(await first).toBe('ok');
    expect(handled).toEqual([0]);
    await polled;
    expect(await post('40')).toContain('Session ID unknown');
  });
});

describe('a session of io that requests namespaces that do not exist', () => {
  it('is handled one per turn from the first denial on', async () => {
    @WebSocketGateway()
    class ChatGateway {}
    const { count, take } = turns();
    let denied = 0;
    const onDenied = () => {
      denied += 1;
      count();
    };
    const options = { sockets: { connections: { rate: '1/min', onDenied } } };
    await using sockets = await startSockets({ transport: 'io', gateways: [ChatGateway], options });
    const socket = await openRaw(sockets.port, ENGINE_PATH);
    socket.write(Buffer.concat(Array.from({ length: FLOOD }, (_, i) => textFrame(`40/none-${i},`))));
    // The session has paid for the first.
    await until(() => denied === FLOOD - 1);
    socket.destroy();
    const flooded = take();
    expect(Math.max(...flooded)).toBeLessThanOrEqual(BURST);
    expect(Math.max(...flooded.slice(3))).toBe(1);
  });
});

/** Reads as an application told its server to. */
class OneATurn extends WebSocketServer {
  constructor(options: ServerOptions) {
    super({ ...options, allowSynchronousEvents: false });
  }
}

describe('a custom pace', () => {
  it.each([
    ['ws', { allowSynchronousEvents: true }, FLOOD],
    ['ws', { allowSynchronousEvents: false }, 1],
    ['io by websocket', { wsEngine: OneATurn }, 1],
  ] as const)('is not changed on %s: %j', async (way, server, most) => {
    const { sockets, client, handled, take } = await start(way, { rate: '1000/min' }, server);
    await using _ = sockets;
    using __ = client;
    await client.send(FLOOD);
    await until(() => handled.length === FLOOD);
    const counts = take();
    if (most === 1) expect(Math.max(...counts)).toBe(1);
    else expect(Math.max(...counts)).toBeGreaterThan(2 * BURST);
  });
});
