import { describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import type { Socket } from 'socket.io';
import { startSockets, type Transport, transports } from '../../../support/gateway-app.js';
import { passing } from '../chat-gateway.js';
import { from } from '../connections/handshake-client.js';
import { as, known, type Request, userOf } from './user-fixture.js';

const nothing = () => {};

/** The objects on which users are set, with a gateway for each. */
const places: Readonly<Record<string, readonly [transports: readonly Transport[], gateways: readonly Type[]]>> = {
  'the client': [
    transports,
    known((client, request) => {
      client.user = userOf(request);
    }),
  ],
  "the client's data": [
    transports,
    known((client, request) => {
      client.data = { user: userOf(request) };
    }),
  ],
  'the upgrade request': [
    transports,
    known((_client, request) => {
      request.user = userOf(request);
    }),
  ],
  'the upgrade request, by verifyClient': [
    ['ws'],
    known(nothing, {
      verifyClient: ({ req }: { readonly req: Request }) => {
        req.user = userOf(req);
        return true;
      },
    }),
  ],
  'the upgrade request, by a middleware': [
    ['io'],
    known(nothing, {}, (server) =>
      server.use(({ request }: { readonly request: Request }, next) => {
        request.user = userOf(request);
        next();
      }),
    ),
  ],
  "the client's data, by a middleware": [
    ['io'],
    known(nothing, {}, (server) =>
      server.use((socket: Socket, next) => {
        socket.data.user = userOf(socket.request);
        next();
      }),
    ),
  ],
};

const ways = Object.entries(places).flatMap(([place, [on, gateways]]) =>
  on.map((transport) => [transport, place, gateways] as const),
);

describe.each(ways)('users on %s, found on %s', (transport, _place, gateways) => {
  it('have one budget each, over all their connections', async () => {
    const warnings: string[] = [];
    await using sockets = await startSockets({ transport, gateways, warnings });
    expect(await passing(sockets, 1, as('ann'))).toBe(1);
    expect(await passing(sockets, 3, as('ben'))).toBe(2);
    expect(await passing(sockets, 2, as('ann'))).toBe(1);
    expect(await passing(sockets, 1, as('ann'))).toBe(0);
    // Unknown users are charged by address.
    expect(await passing(sockets, 1)).toBe(1);
    expect(await passing(sockets, 2)).toBe(1);
    expect(await passing(sockets, 1)).toBe(0);
    sockets.clock.advance(60_000);
    expect(await passing(sockets, 3, as('ann'))).toBe(2);
    expect(warnings).toEqual([]);
  });

  it('have one budget at two addresses, and unknown callers one at each', async () => {
    const options = { sockets: { trustProxy: 'loopback' } };
    await using sockets = await startSockets({ transport, gateways, options });
    const at = (address: string, user: object = {}) => ({ headers: { ...from(address).headers, ...user } });
    expect(await passing(sockets, 1, at('203.0.113.1', { 'x-user': 'ann' }))).toBe(1);
    expect(await passing(sockets, 2, at('203.0.113.2', { 'x-user': 'ann' }))).toBe(1);
    expect(await passing(sockets, 3, at('203.0.113.1'))).toBe(2);
    expect(await passing(sockets, 3, at('203.0.113.2'))).toBe(2);
  });
});
