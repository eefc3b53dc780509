import type { FactoryProvider, INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';

/** The transport of the chat: plain WebSockets, or socket.io. */
export type Transport = 'ws' | 'io';

export const TRANSPORT = Symbol('TRANSPORT');

export const transportProvider: FactoryProvider<Transport> = {
  provide: TRANSPORT,
  useFactory: () => transportOf(process.env.TRANSPORT),
};

function transportOf(name = 'ws'): Transport {
  if (name === 'ws' || name === 'io') return name;
  throw new Error(`TRANSPORT: expected "ws" (plain WebSockets, the default) or "io" (socket.io), got "${name}"`);
}

export function useTransport(app: INestApplication): void {
  const transport = app.get<Transport>(TRANSPORT);
  app.useWebSocketAdapter(transport === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
}
