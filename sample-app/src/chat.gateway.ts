import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Throttle } from 'nestjs-sluice';

export const SAY_RATE = '5/10s';

/** An echo chat. A client that sends too fast gets the event `rate_limit`, which contains the wait. */
@WebSocketGateway()
export class ChatGateway {
  /** Each connection has a separate budget: on sockets the connection is charged by default. */
  @Throttle(SAY_RATE, { strategy: 'sliding-log' })
  @SubscribeMessage('say')
  say(@MessageBody('text') text = '') {
    return { event: 'said', data: { text, at: new Date().toISOString() } };
  }
}
