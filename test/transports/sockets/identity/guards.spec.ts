import { describe, expect, it } from '@jest/globals';
import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { by, type Call, Throttle } from '../../../../src/index.js';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { passing } from '../chat-gateway.js';

const strategy = 'fixed-window';
let users: string[] = [];

/** Says who the client is when it sends its first message. */
@Injectable()
class LoginGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const client: { user?: { readonly id: string | undefined } } = context.switchToWs().getClient();
    await new Promise((resolve) => setImmediate(resolve));
    client.user ??= { id: users.shift() };
    return true;
  }
}

@UseGuards(LoginGuard)
@WebSocketGateway()
class ByUserGateway {
  @Throttle('2/min', { strategy, by: by.user() })
  @SubscribeMessage('say')
  say() {
    return { event: 'said' };
  }
}

const userOf = ({ client }: Call) => Reflect.get(Object(Reflect.get(Object(client), 'user')), 'id');

@UseGuards(LoginGuard)
@WebSocketGateway()
class HandlerPhaseGateway {
  @Throttle([
    { rate: '2/min', strategy, by: userOf, phase: 'handler' },
    { rate: '9/min', strategy, by: by.all(), name: 'all' },
  ])
  @SubscribeMessage('say')
  say() {
    return { event: 'said' };
  }
}

describe.each(transports)('a user found by a guard of the gateway, on %s', (transport) => {
  it.each([
    ['by user', ByUserGateway],
    ['in the handler phase, beside another', HandlerPhaseGateway],
  ])('is charged %s, in one decision', async (_title, gateway) => {
    users = ['ann', 'ben', 'ann'];
    await using sockets = await startSockets({ transport, gateways: [gateway] });
    expect(await passing(sockets, 3)).toBe(2);
    expect(await passing(sockets, 1)).toBe(1);
    expect(await passing(sockets, 1)).toBe(0);
  });
});
