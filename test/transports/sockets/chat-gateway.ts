import type { Type } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type PolicyOptions, Throttle } from '../../../src/index.js';
import type { ConnectOptions, TestSockets } from '../../support/gateway-app.js';

/** A gateway whose clients may say two things a minute, unless told otherwise. */
export function speaking(more: Partial<PolicyOptions> = {}): readonly [Type] {
  @WebSocketGateway()
  class SayGateway {
    @Throttle({ rate: '2/min', strategy: 'fixed-window', ...more })
    @SubscribeMessage('say')
    say(@MessageBody() data: unknown): unknown {
      return { event: 'said', data };
    }
  }
  return [SayGateway];
}

/** Returns how many of a number of messages pass, on a new connection. */
export async function passing(sockets: TestSockets, count: number, options: ConnectOptions = {}): Promise<number> {
  const socket = await sockets.connect(options);
  for (let i = 0; i < count; i++) {
    socket.send('say', i);
    await socket.settled();
  }
  await socket.close();
  return socket.received.filter(({ event }) => event === 'said').length;
}
