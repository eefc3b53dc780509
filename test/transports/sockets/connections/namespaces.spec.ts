import { describe, expect, it } from '@jest/globals';
import { WebSocketGateway } from '@nestjs/websockets';
import { Throttle } from '../../../../src/index.js';
import { aside, attempts, perMinute, startOnly } from './handshake-client.js';

const transport = 'io';
const options = { sockets: { connections: perMinute(2) } };
const at = (namespace: string) => aside(transport, namespace);

describe('the namespaces of io', () => {
  it.each([
    ['as clients name it', '/room-1'],
    ['without its slash', 'room-1'],
    ['by a pattern', /^\/room-\d$/],
  ])('have a limit if a gateway is on one: %s', async (_how, namespace) => {
    @Throttle({ connections: perMinute(2) })
    @WebSocketGateway({ namespace })
    class RoomGateway {}
    @WebSocketGateway()
    class ChatGateway {}
    await using sockets = await startOnly({ transport, gateways: [RoomGateway, ChatGateway] });
    expect(await attempts(sockets, 3, at('/room-1'))).toEqual(['open', 'open', 'limited']);
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'open']);
  });

  it('of one pattern share a budget', async () => {
    @WebSocketGateway({ namespace: /^\/room-\d$/ })
    class RoomGateway {}
    await using sockets = await startOnly({ transport, gateways: [RoomGateway], options });
    expect(await attempts(sockets, 1, at('/room-1'))).toEqual(['open']);
    expect(await attempts(sockets, 2, at('/room-2'))).toEqual(['open', 'limited']);
  });

  it('are limited by all gateways on them, in any spelling of the name, and charged once', async () => {
    @WebSocketGateway({ namespace: '/room-1' })
    class RoomGateway {}
    @WebSocketGateway({ namespace: 'room-1' })
    class OtherGateway {}
    await using sockets = await startOnly({ transport, gateways: [RoomGateway, OtherGateway], options });
    expect(await attempts(sockets, 3, at('/room-1'))).toEqual(['open', 'open', 'limited']);
  });

  it.each([
    ['the first', [{}, { namespace: '/' }]],
    ['the last', [{ namespace: '/' }, {}]],
  ])('are the same if one gateway names the main one, and another does not: %s', async (_which, [one, other]) => {
    @WebSocketGateway(one)
    class ChatGateway {}
    @WebSocketGateway(other)
    class NamedGateway {}
    await using sockets = await startOnly({ transport, gateways: [ChatGateway, NamedGateway], options });
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'limited']);
  });

  it('are limited if the main one is named', async () => {
    @Throttle({ connections: perMinute(1) })
    @WebSocketGateway({ namespace: '/' })
    class NamedGateway {}
    await using sockets = await startOnly({ transport, gateways: [NamedGateway], options });
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
  });
});
