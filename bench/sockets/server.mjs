// An application with one gateway, in a separate process.
import 'reflect-metadata';
import { Module, UseInterceptors } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { answer } from '../lib/child.mjs';
import { connect } from '../lib/redis.mjs';
import { MemoryBackend, RedisBackend, ThrottleModule } from '../lib/sluice.mjs';

const ADAPTERS = { ws: WsAdapter, 'socket.io': IoAdapter };
const emptyGuard = { canActivate: () => true };
const emptyInterceptor = { intercept: (_context, next) => next.handle() };

/** What each limiter adds to the application. */
const LIMITERS = {
  none: () => ({}),
  interceptor: () => ({ interceptors: [emptyInterceptor] }),
  'guard and interceptor': () => ({
    providers: [
      { provide: APP_GUARD, useValue: emptyGuard },
      { provide: APP_INTERCEPTOR, useValue: emptyInterceptor },
    ],
  }),
  memory: () => limitedBy(new MemoryBackend()),
  redis: async (port) => limitedBy(new RedisBackend(await connect(port))),
};

function limitedBy(backend) {
  return { imports: [ThrottleModule.forRoot({ backend, default: '1000000000/min' })] };
}

answer({
  /** @param {{ transport: 'ws' | 'socket.io', limiter: keyof typeof LIMITERS, redisPort: number }} about */
  async start({ transport, limiter, redisPort }) {
    const { imports = [], providers = [], interceptors = [] } = await LIMITERS[limiter](redisPort);
    class EchoGateway {
      echo(_client, data) {
        return transport === 'ws' ? { event: 'echo', data } : data;
      }
    }
    const echo = Object.getOwnPropertyDescriptor(EchoGateway.prototype, 'echo');
    Reflect.decorate([SubscribeMessage('echo')], EchoGateway.prototype, 'echo', echo);
    UseInterceptors(...interceptors)(EchoGateway);
    WebSocketGateway()(EchoGateway);

    class AppModule {}
    Module({ imports, providers: [EchoGateway, ...providers] })(AppModule);
    const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
    app.useWebSocketAdapter(new ADAPTERS[transport](app));
    await app.listen(0, '127.0.0.1');
    return app.getHttpServer().address().port;
  },

  /** The CPU time of all threads so far, in microseconds. */
  cpu: () => process.cpuUsage(),
});
