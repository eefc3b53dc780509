import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Throttle } from 'nestjs-sluice';

export const SAY_RATE = '5/10s';

/** A chat with oneself. Whoever sends too fast is answered with the event `rate_limit`, which tells the wait. */
@WebSocketGateway()
export class ChatGateway {
  /** Each connection has a budget of its own: on a socket that is who is charged, unless told. */
  @Throttle(SAY_RATE, { strategy: 'sliding-log' })
  @SubscribeMessage('say')
  say(@MessageBody('text') text = '') {
    return { event: 'said', data: { text, at: new Date().toISOString() } };
  }
}
