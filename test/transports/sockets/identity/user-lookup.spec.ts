import { describe, expect, it } from '@jest/globals';
import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { by, Throttle } from '../../../../src/index.js';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { nestMajor } from '../../../support/nest-version.js';
import { passing } from '../chat-gateway.js';
import { as, type Holder, known, type Request } from './user-fixture.js';

describe.each(transports)('a user on %s', (transport) => {
  it('is read from the client, then its data, then the request', async () => {
    const gateways = known((client, request) => {
      const users = String(request.headers['x-user']).split(',');
      const [ofClient, ofData, ofRequest] = users.map((id) => ({ id }));
      client.user = ofClient;
      client.data = { user: ofData };
      request.user = ofRequest;
    });
    await using sockets = await startSockets({ transport, gateways });
    expect(await passing(sockets, 3, as('ann,ben,cat'))).toBe(2);
    expect(await passing(sockets, 3, as(',ben,cat'))).toBe(2);
    expect(await passing(sockets, 3, as(',,cat'))).toBe(2);
    for (const users of ['ann,dan,dan', ',ben,dan', 'ben,dan,dan', ',,cat', ',cat,dan']) {
      expect(await passing(sockets, 1, as(users))).toBe(0);
    }
  });

  it('is known as soon as the client has authenticated', async () => {
    @WebSocketGateway()
    class LoginGateway {
      @SubscribeMessage('login')
      login(@ConnectedSocket() client: Holder, @MessageBody() id: unknown): void {
        client.user = { id };
      }

      @Throttle({ rate: '2/min', strategy: 'fixed-window', by: by.user() })
      @SubscribeMessage('say')
      say(): unknown {
        return { event: 'said', data: null };
      }
    }
    await using sockets = await startSockets({ transport, gateways: [LoginGateway] });
    const said = async (logins: readonly unknown[]) => {
      const socket = await sockets.connect();
      for (const id of logins) {
        if (id !== undefined) socket.send('login', id);
        for (let i = 0; i < 3; i++) {
          socket.send('say', i);
          await socket.settled();
        }
      }
      return socket.received.filter(({ event }) => event === 'said').length;
    };
    expect(await said([undefined, 'ann', 'ben'])).toBe(6);
    expect(await said([undefined, 'ann', 'cat'])).toBe(2);
  });

  it('is known if a guard of the gateway has set it', async () => {
    @Injectable()
    class AuthGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const client = context.switchToWs().getClient<Holder>();
        client.user = { id: context.switchToWs().getData<{ readonly user: string }>().user };
        return true;
      }
    }

    @UseGuards(AuthGuard)
    @WebSocketGateway()
    class GuardedGateway {
      @Throttle({ rate: '1/min', strategy: 'fixed-window', by: by.user() })
      @SubscribeMessage('say')
      say(@MessageBody() { user }: { readonly user: string }): unknown {
        return { event: 'said', data: user };
      }
    }
    await using sockets = await startSockets({ transport, gateways: [GuardedGateway] });
    const socket = await sockets.connect();
    for (const user of ['ann', 'ben', 'ann', 'cat']) {
      socket.send('say', { user });
      await socket.settled();
    }
    const said = socket.received.filter(({ event }) => event === 'said');
    expect(said.map(({ data }) => data)).toEqual(['ann', 'ben', 'cat']);
  });

  it('is found at a custom path, and is an error if it is not an id', async () => {
    const handled: unknown[] = [];

    @WebSocketGateway()
    class AccountGateway {
      handleConnection(client: Holder & { readonly request?: Request; account?: unknown }, request = client.request) {
        const id = request?.headers['x-user'];
        client.account = { key: id === 'broken' ? { id } : id };
      }

      @Throttle({ rate: '1/min', by: by.user('account.key') })
      @SubscribeMessage('say')
      say(@MessageBody() data: unknown): unknown {
        handled.push(data);
        return { event: 'said', data };
      }
    }
    await using sockets = await startSockets({ transport, gateways: [AccountGateway] });
    expect(await passing(sockets, 2, as('ann'))).toBe(1);
    expect(await passing(sockets, 1, as('ann'))).toBe(0);
    expect(await passing(sockets, 2, as('ben'))).toBe(1);
    const socket = await sockets.connect(as('broken'));
    socket.send('say', 'never');
    await socket.settled();
    // Nest 11 informs a client of ws as if it were one of socket.io, so the client receives nothing.
    const isTold = transport === 'io' || nestMajor === 12;
    expect(socket.received.map(({ event }) => event)).toEqual(isTold ? ['exception'] : []);
    expect(handled).toEqual([0, 0]);
  });
});
