import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { Redis } from 'ioredis';
import { RedisBackend, Throttle } from '../../../../src/index.js';
import { collectGarbage } from '../../../support/collect-garbage.js';
import { startSockets, type TestSocket, type Transport } from '../../../support/gateway-app.js';
import { connect, RedisServer } from '../../../support/redis/redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

const BATCHES = 20;
const BATCH = 100;
const LIMIT = 10;
const TIMEOUT_MS = 500;
const MAX_PENDING = 32;
/**
 * A ceiling for a batch: a fifth of what it takes when its messages wait for their deadlines one after the other.
 * `npm run measure:flood` holds the same figure against a deadline of 100 ms and little more.
 */
const SETTLED_MS = (BATCH * TIMEOUT_MS) / 5;
/** Five times what `npm run measure:flood` holds it against: other tests run beside this one. */
const GROWTH_BYTES = 5 * 20 * 2 ** 20;

/** Handled; denied by Redis's stand-in; or beyond those that may wait for Redis, where it has not been given up yet. */
const VERDICTS: readonly unknown[] = ['said', 'default', 'pending'];

@WebSocketGateway()
class SayGateway {
  @Throttle(`${LIMIT}/2000 weeks`, { strategy: 'fixed-window' })
  @SubscribeMessage('say')
  say(): string {
    return 'said';
  }
}

/** Measured after a garbage collection. */
function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** The content of an acknowledgement: the handler's response, or the policy that denied. */
function verdictOf(answer: unknown): unknown {
  return answer === 'said' ? answer : Reflect.get(Object(answer), 'policy');
}

describe('2 000 messages of one client while Redis is frozen', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    client = await connect(server);
  });

  afterEach(() => {
    jest.restoreAllMocks();
    server.thaw();
  });

  afterAll(async () => {
    client.disconnect();
    await server[Symbol.asyncDispose]();
  });

  /** Sends them a hundred at a time, to a Redis that has been frozen after others were answered; what that took. */
  async function flood(transport: Transport, send: (socket: TestSocket) => Promise<void>) {
    const backend = new RedisBackend(client, { prefix: freshPrefix(), timeoutMs: TIMEOUT_MS });
    const errors: string[] = [];
    await using sockets = await startSockets({ transport, gateways: [SayGateway], options: { backend }, errors });
    // Loading and compiling code is not part of the cost of a flood.
    await send(await sockets.connect());
    await client.ping();
    const socket = await sockets.connect();
    server.freeze();
    const asked = jest.spyOn(client, 'sendCommand');
    const before = heapUsed();
    let slowestMs = 0;
    for (let batch = 0; batch < BATCHES; batch++) {
      const startedAt = performance.now();
      await send(socket);
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    }
    const grownBytes = heapUsed() - before;
    return { socket, slowestMs, grownBytes, asked: asked.mock.calls.length, errors };
  }

  it('are acknowledged without waiting for each deadline in turn, with at most maxPending Redis calls', async () => {
    const verdicts: unknown[] = [];
    const { slowestMs, grownBytes, asked, errors } = await flood('io', async (socket) => {
      const answers = await Promise.all(Array.from({ length: BATCH }, () => socket.ask('say')));
      verdicts.push(...answers.map(verdictOf));
    });
    expect(slowestMs).toBeLessThan(SETTLED_MS);
    expect(grownBytes).toBeLessThan(GROWTH_BYTES);
    expect(asked).toBeLessThanOrEqual(MAX_PENDING);
    const flooded = verdicts.slice(BATCH);
    expect(flooded).toHaveLength(BATCHES * BATCH);
    expect(flooded.filter((verdict) => verdict === 'said')).toHaveLength(LIMIT);
    expect(flooded.filter((verdict) => !VERDICTS.includes(verdict))).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('are read without waiting for each deadline in turn, with at most one notice per second', async () => {
    const startedAt = performance.now();
    const { socket, slowestMs, grownBytes, asked, errors } = await flood('ws', async (socket) => {
      for (let i = 0; i < BATCH; i++) socket.send('say');
      await socket.settled();
    });
    const notices = socket.received.filter(({ event }) => event === 'rate_limit').length;
    expect(slowestMs).toBeLessThan(SETTLED_MS);
    expect(grownBytes).toBeLessThan(GROWTH_BYTES);
    expect(asked).toBeLessThanOrEqual(MAX_PENDING);
    expect(notices).toBeGreaterThanOrEqual(1);
    expect(notices).toBeLessThanOrEqual(1 + (performance.now() - startedAt) / 1000);
    expect(errors).toEqual([]);
  });
});
