import { Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';
import { MemoryBackend, RedisBackend, Throttle, ThrottleModule, ThrottleService } from '../../dist/esm/index.js';

const LIMIT = 60;

/** Emits one message per turn of the event loop; by default ws emits all received messages at once. */
class OneATurn extends WebSocketServer {
  constructor(options) {
    super({ ...options, allowSynchronousEvents: false });
  }
}

/**
 * An application with one gateway.
 *
 * @param about.limiter `none`, `naive`, or ours on `redis` or `memory`
 */
export async function startApp({ transport, limiter, redisPort, sockets, oneATurn = false }) {
  const counts = { handled: 0, denied: 0 };
  const client = redisPort === undefined ? undefined : await connect(redisPort);
  const isOurs = limiter === 'redis' || limiter === 'memory';
  const guards = { none: [], naive: [UseGuards(naiveGuard(client, counts))] };

  class FloodGateway {
    say() {
      counts.handled += 1;
      // The acknowledgement on socket.io; on ws there is no response.
      return transport === 'ws' ? undefined : 'said';
    }
  }
  const say = Object.getOwnPropertyDescriptor(FloodGateway.prototype, 'say');
  const limits = guards[limiter] ?? [Throttle(`${LIMIT}/min`)];
  Reflect.decorate([SubscribeMessage('say'), ...limits], FloodGateway.prototype, 'say', say);
  WebSocketGateway(oneATurn ? { wsEngine: OneATurn, allowSynchronousEvents: false } : {})(FloodGateway);

  const backend = limiter === 'redis' ? new RedisBackend(client, { timeoutMs: 100 }) : new MemoryBackend();
  class AppModule {}
  Module({ imports: isOurs ? [ThrottleModule.forRoot({ backend, sockets })] : [], providers: [FloodGateway] })(
    AppModule,
  );

  const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
  app.useWebSocketAdapter(transport === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
  await app.listen(0, '127.0.0.1');
  if (isOurs) {
    app.get(ThrottleService).events$.subscribe(({ type }) => {
      if (type === 'denied') counts.denied += 1;
    });
  }
  return { server: app.getHttpServer(), counts };
}

/** The settings that docs/redis.md recommends. */
async function connect(port) {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    lazyConnect: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** A typical hand-written guard, which is correct while Redis is healthy. */
function naiveGuard(client, counts) {
  return class NaiveGuard {
    async canActivate() {
      const minute = Math.floor(Date.now() / 60_000);
      const isAllowed = (await client.incr(`naive:${minute}`)) <= LIMIT;
      if (!isAllowed) counts.denied += 1;
      return isAllowed;
    }
  };
}
