// An application with one gateway, in a separate process.
import 'reflect-metadata';
import { Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';
import { connect } from '../lib/redis.mjs';
import { MemoryBackend, RedisBackend, ThrottleModule } from '../lib/sluice.mjs';

const ADAPTERS = { ws: WsAdapter, 'socket.io': IoAdapter };

answer({
  /** @param {{ transport: 'ws' | 'socket.io', isLimited: boolean, isIntercepted?: boolean, redisPort?: number }} about */
  async start({ transport, isLimited, isIntercepted = false, redisPort }) {
    class EchoGateway {
      echo(_client, data) {
        return transport === 'ws' ? { event: 'echo', data } : data;
      }
    }
    const echo = Object.getOwnPropertyDescriptor(EchoGateway.prototype, 'echo');
    Reflect.decorate([SubscribeMessage('echo')], EchoGateway.prototype, 'echo', echo);
    if (isIntercepted) UseInterceptors({ intercept: (_context, next) => next.handle() })(EchoGateway);
    WebSocketGateway()(EchoGateway);

    const backend = redisPort === undefined ? new MemoryBackend() : new RedisBackend(await connect(redisPort));
    class AppModule {}
    Module({
      imports: isLimited ? [ThrottleModule.forRoot({ backend, default: '1000000000/min' })] : [],
      providers: [EchoGateway],
    })(AppModule);
    const app = await NestFactory.create(AppModule, { logger: ['error'], abortOnError: false });
    app.useWebSocketAdapter(new ADAPTERS[transport](app));
    await app.listen(0, '127.0.0.1');
    return app.getHttpServer().address().port;
  },

  cpu: () => cpuMicros(),
});
