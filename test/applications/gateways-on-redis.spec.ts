import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Redis } from 'ioredis';
import { by, RedisBackend, Throttle, type ThrottleModuleOptions } from '../../src/index.js';
import { limited } from '../support/denied-message.js';
import { Refused, startSockets, type TestSocket, transports } from '../support/gateway-app.js';
import { PATIENT_MS } from '../support/redis/faults.js';
import { connect, RedisServer } from '../support/redis/redis.js';
import { freshPrefix } from '../support/redis/redis-shared.js';

/** The deadline of calls that no answer can reach: the shorter, the sooner the test is done. */
const FROZEN_MS = 100;

const handled: string[] = [];

@WebSocketGateway()
class FleetGateway {
  @Throttle('3/min', { strategy: 'sliding-log', by: by.header('x-user') })
  @SubscribeMessage('say')
  say() {
    handled.push('say');
    return { event: 'said' };
  }

  @Throttle('payments')
  @SubscribeMessage('pay')
  pay() {
    handled.push('pay');
    return { event: 'paid' };
  }
}

const ada = { headers: { 'x-user': 'ada' } };

/** The event that comes back. */
async function answer(socket: TestSocket, event: string): Promise<string> {
  socket.send(event);
  return (await socket.next()).event;
}

describe.each(transports)('gateways on Redis, on %s', (transport) => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    client = await connect(server);
  });

  afterEach(() => server.thaw());

  afterAll(async () => {
    client.disconnect();
    await server[Symbol.asyncDispose]();
  });

  const start = (prefix: string, options: ThrottleModuleOptions = {}, timeoutMs = PATIENT_MS) =>
    startSockets({
      transport,
      gateways: [FleetGateway],
      options: {
        backend: new RedisBackend(client, { prefix, timeoutMs }),
        policies: { payments: { rate: '5/min', onError: 'deny' } },
        ...options,
        sockets: { noticeEveryMs: 0, ...options.sockets },
      },
    });

  it('share one budget with those of other processes of the fleet', async () => {
    const prefix = freshPrefix();
    await using one = await start(prefix);
    await using other = await start(prefix);
    const [first, second] = [await one.connect(ada), await other.connect(ada)];
    const events = [
      await answer(first, 'say'),
      await answer(first, 'say'),
      await answer(second, 'say'),
      await answer(second, 'say'),
      await answer(first, 'say'),
    ];
    expect(events).toEqual(['said', 'said', 'said', 'rate_limit', 'rate_limit']);
  });

  it('keep the connections of a fleet apart', async () => {
    const prefix = freshPrefix();
    const options = { policies: { payments: { rate: '1/min', by: by.connection() } } };
    await using one = await start(prefix, options);
    await using other = await start(prefix, options);
    for (const sockets of [one, other, one, other]) expect(await answer(await sockets.connect(), 'pay')).toBe('paid');
  });

  it('limit the connections to all of the fleet together', async () => {
    const prefix = freshPrefix();
    const options = { sockets: { connections: { rate: '2/min', strategy: 'sliding-log' as const } } };
    await using one = await start(prefix, options);
    await using other = await start(prefix, options);
    await one.connect();
    await other.connect();
    await expect(one.connect()).rejects.toBeInstanceOf(Refused);
    await expect(other.connect()).rejects.toBeInstanceOf(Refused);
  });

  it('limit the frames of a subject over the fleet', async () => {
    const prefix = freshPrefix();
    const options = {
      sockets: { frames: { rate: '2/min', strategy: 'sliding-log' as const, by: by.header('x-user') } },
    };
    await using one = await start(prefix, options);
    await using other = await start(prefix, options);
    const [first, second] = [await one.connect(ada), await other.connect(ada)];
    expect([await answer(first, 'say'), await answer(second, 'say'), await answer(first, 'say')]).toEqual([
      'said',
      'said',
      'rate_limit',
    ]);
  });

  it('handle messages in order of arrival while Redis decides', async () => {
    await using sockets = await start(freshPrefix(), { sockets: { frames: '1000/s' } });
    const socket = await sockets.connect(ada);
    handled.length = 0;
    for (const event of ['say', 'pay', 'say', 'pay']) socket.send(event);
    for (let i = 0; i < 4; i++) await socket.next();
    expect(handled).toEqual(['say', 'pay', 'say', 'pay']);
  });

  it('limit in the process while Redis does not respond', async () => {
    await using sockets = await start(freshPrefix(), {}, FROZEN_MS);
    const socket = await sockets.connect(ada);
    server.freeze();
    const events: string[] = [];
    for (let i = 0; i < 4; i++) events.push(await answer(socket, 'say'));
    expect(events).toEqual(['said', 'said', 'said', 'rate_limit']);
  });

  it('report that limits cannot be checked, with onError "deny"', async () => {
    await using sockets = await start(freshPrefix(), { sockets: { closeAfter: 1 } }, FROZEN_MS);
    const socket = await sockets.connect(ada);
    server.freeze();
    handled.length = 0;
    socket.send('pay');
    const unavailable = {
      error: 'Limits cannot be checked now',
      retry_after: 1,
      policy: null,
      limit: null,
      remaining: null,
      reason: null,
    };
    expect(await socket.next()).toEqual({ event: 'rate_limit', data: limited(unavailable) });
    if (transport === 'io') expect(await socket.ask('pay')).toEqual(limited(unavailable));
    expect([handled, socket.isOpen]).toEqual([[], true]);
  });
});
