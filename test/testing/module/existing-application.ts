import 'reflect-metadata';
import {
  type CanActivate,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  type Provider,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import type { TestingModuleBuilder } from '@nestjs/testing';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { by, ManualClock, Throttle, ThrottleGuard, ThrottleService } from 'nestjs-sluice';
import { TestSockets, type Transport } from '../../support/gateway-app.js';
import { type AdapterName, TestApp } from '../../support/http-app.js';
import { PING, PONG } from '../../support/socket-client.js';

/** A guard that finds the user, as applications have one: it runs after ThrottleGuard. */
@Injectable()
class LoginGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ user?: object; headers: Record<string, string> }>();
    request.user = { id: request.headers['x-user'] };
    return true;
  }
}

@Controller()
class ReportsController {
  constructor(private readonly throttle: ThrottleService) {}

  @Throttle('2/min')
  @Get('reports')
  reports(): string {
    return 'ok';
  }

  @UseGuards(ThrottleGuard)
  @Throttle('2/min')
  @Get('guarded')
  guarded(): string {
    return 'ok';
  }

  @Throttle({ rate: '2/min', by: by.user() })
  @UseGuards(LoginGuard)
  @Get('mine')
  mine(): string {
    return 'ok';
  }

  /** The results of the service's methods, for a policy with at most one unit left. */
  @Get('by-hand')
  async byHand(): Promise<object> {
    const { allowed } = await this.throttle.hit('mail', 2);
    const consumed = await this.throttle.consume('mail', 2);
    await this.throttle.refund(consumed);
    const checked = await this.throttle.check('mail', 3);
    const stat = await this.throttle.stat('mail');
    await this.throttle.reset('mail');
    return { allowed, consumed: consumed.allowed, checked, stat };
  }
}
Reflect.defineMetadata('design:paramtypes', [ThrottleService], ReportsController);

@Throttle({ connections: '2/min' })
@WebSocketGateway()
class ChatGateway {
  @Throttle('2/min')
  @SubscribeMessage('say')
  say(): object {
    return { event: 'said', data: 'ok' };
  }

  @SubscribeMessage(PING)
  ping(_client: object, data: unknown): object {
    return { event: PONG, data };
  }
}

/** The root module of an application that has its own ThrottleModule and further providers, and knows nothing of tests. */
export function appModule(throttle: DynamicModule, providers: readonly Provider[] = []): Type {
  @Module({ imports: [throttle], controllers: [ReportsController], providers: [ChatGateway, ...providers] })
  class AppModule {}
  return AppModule;
}

export interface RunOptions {
  readonly transport?: Transport;
  readonly adapter?: AdapterName;
  readonly clock?: ManualClock;
}

/** Compiles the testing module and lets it listen. */
export async function run(
  builder: TestingModuleBuilder,
  { transport = 'ws', adapter = 'express', clock = new ManualClock() }: RunOptions = {},
): Promise<TestSockets> {
  const moduleRef = await builder.compile();
  const http = adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = moduleRef.createNestApplication(http, { logger: false });
  app.useWebSocketAdapter(transport === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address();
  return new TestSockets(new TestApp(app, clock, port), transport);
}

/**
 * Returns how many of a number of connections the gateway accepts, and how many messages of the last one get a
 * response.
 */
export async function talk(sockets: TestSockets): Promise<{ connected: number; answered: number }> {
  let connected = 0;
  let answered = 0;
  for (let i = 0; i < 4; i++) {
    const socket = await sockets.connect().catch(() => undefined);
    if (socket === undefined) continue;
    connected++;
    for (let message = 0; i === 0 && message < 4; message++) socket.send('say');
    await socket.settled();
    answered += socket.received.filter(({ event }) => event === 'said').length;
  }
  return { connected, answered };
}
