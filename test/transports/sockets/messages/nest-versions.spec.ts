import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import type { NestInterceptor } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { nestMajor } from '../../../support/nest-version.js';

it.each(['common', 'core', 'platform-express', 'platform-fastify', 'platform-socket.io', 'platform-ws', 'websockets'])(
  '@nestjs/%s has the version that the project is named after',
  (name) => {
    const entry = import.meta.resolve(`@nestjs/${name}`);
    const { version } = JSON.parse(readFileSync(new URL('package.json', entry), 'utf8'));
    expect(version).toMatch(new RegExp(`^${nestMajor}\\.`));
  },
);

// Why the library adds its interceptor to each gateway instead.
it.each(transports)('Nest 12 runs global interceptors on messages of %s, Nest 11 does not', async (transport) => {
  const seen: unknown[] = [];
  const interceptor: NestInterceptor = {
    intercept(context, next) {
      seen.push(context.switchToWs().getData());
      return next.handle();
    },
  };

  @WebSocketGateway()
  class SayGateway {
    @SubscribeMessage('say')
    say(): unknown {
      return { event: 'said', data: null };
    }
  }

  const providers = [{ provide: APP_INTERCEPTOR, useValue: interceptor }];
  await using sockets = await startSockets({ transport, gateways: [SayGateway], providers });
  const socket = await sockets.connect();
  socket.send('say', 'a');
  expect(await socket.next()).toEqual({ event: 'said', data: null });
  expect(seen).toEqual(nestMajor === 12 ? ['a'] : []);
});
