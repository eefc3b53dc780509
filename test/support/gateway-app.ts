import 'reflect-metadata';
import { setImmediate } from 'node:timers/promises';
import type { INestApplication, Type } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type ManualClock, SkipThrottle } from '../../src/index.js';
import { type AdapterName, type AppOptions, startApp, type TestApp } from './http-app.js';
import { type ConnectOptions, PING, PONG, type TestSocket } from './socket-client.js';
import { IoSocket } from './socket-io-client.js';
import { WsSocket } from './ws-client.js';

export { type Closed, type ConnectOptions, type Message, Refused, type TestSocket } from './socket-client.js';

export const transports = ['ws', 'io'] as const;
export type Transport = (typeof transports)[number];

export interface SocketOptions extends Omit<AppOptions, 'adapter'> {
  readonly transport: Transport;
  readonly gateways: readonly Type[];
  /** Default: `express`. */
  readonly adapter?: AdapterName;
}

/** A real application with gateways, and its clients. */
export class TestSockets {
  readonly app: INestApplication;
  readonly clock: ManualClock;
  readonly port: number;
  readonly #sockets: TestSocket[] = [];

  constructor(
    /** The same application, for requests. */
    readonly http: TestApp,
    readonly transport: Transport,
  ) {
    ({ app: this.app, clock: this.clock, port: this.port } = http);
  }

  /** Returns a new connected client; rejects with `Refused` if the server refuses it. */
  async connect(options: ConnectOptions = {}): Promise<TestSocket> {
    const socket = this.transport === 'ws' ? new WsSocket(this.port, options) : new IoSocket(this.port, options);
    this.#sockets.push(socket);
    try {
      await socket.opened();
    } catch (error) {
      await socket.drop();
      throw error;
    }
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await Promise.all(this.#sockets.map((socket) => socket.drop()));
    } finally {
      await this.app.close();
    }
  }
}

export async function startSockets({
  transport,
  gateways,
  providers = [],
  adapter = 'express',
  prepare,
  ...options
}: SocketOptions): Promise<TestSockets> {
  const http = await startApp({
    ...options,
    adapter,
    providers: [...providers, ...gateways, ...pingGateways(gateways)],
    prepare: (app) => {
      app.useWebSocketAdapter(transport === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
      prepare?.(app);
    },
  });
  return new TestSockets(http, transport);
}

/** Returns a gateway for {@link TestSocket.settled} on every server of the given gateways. */
function pingGateways(gateways: readonly Type[]): Type[] {
  const servers = new Map(gateways.map((gateway) => [JSON.stringify(whereOf(gateway)), whereOf(gateway)]));
  return [...servers.values()].map(([port, options]) => {
    @SkipThrottle()
    class PingGateway {
      @SubscribeMessage(PING)
      async ping(@MessageBody() data: unknown): Promise<unknown> {
        // An earlier message may still be in guards and handlers; it gets its response first.
        for (let turn = 0; turn < 10; turn++) await setImmediate();
        return { event: PONG, data };
      }
    }
    WebSocketGateway(port, options)(PingGateway);
    return PingGateway;
  });
}

type Where = readonly [port: number, options: Readonly<Record<string, unknown>>];

function whereOf(gateway: Type): Where {
  return [Reflect.getMetadata('port', gateway), Reflect.getMetadata('websockets:gateway_options', gateway)];
}
