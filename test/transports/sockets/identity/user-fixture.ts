import type { IncomingMessage } from 'node:http';
import type { Type } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import type { Server } from 'socket.io';
import { by } from '../../../../src/index.js';
import { speaking } from '../chat-gateway.js';

/** The objects on which users are set. */
export type Holder = object & { user?: unknown; data?: { user?: unknown } };
export type Request = IncomingMessage & { user?: unknown };

/** A client that says who it is. */
export const as = (user: string) => ({ headers: { 'x-user': user } });
export const userOf = ({ headers }: IncomingMessage) => headers['x-user'] && { id: headers['x-user'] };

/** A gateway whose clients are known once they have connected. */
export function known(
  identify: (client: Holder, request: Request) => void,
  options: object = {},
  afterInit?: (server: Server) => void,
): readonly [Type] {
  const [SayGateway] = speaking({ by: by.user() });

  @WebSocketGateway(options)
  class UserGateway extends SayGateway {
    afterInit(server: Server): void {
      afterInit?.(server);
    }

    /** On socket.io the client keeps its request. */
    handleConnection(client: Holder & { readonly request?: Request }, request = client.request): void {
      if (request !== undefined) identify(client, request);
    }
  }
  return [UserGateway];
}
