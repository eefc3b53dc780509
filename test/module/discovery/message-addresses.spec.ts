import { describe, expect, it } from '@jest/globals';
import { Controller, Get, SetMetadata } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { eventAddress, messageAddresses, serverAddress } from '../../../src/module/discovery/message-addresses.js';
import { HandlerRegistry } from '../../../src/planning/handler-registry.js';
import { startApp } from '../../support/http-app.js';

/** `@nestjs/microservices` is not installed; this is what its decorators write. */
function Pattern(patterns: readonly unknown[], transport?: number | symbol): MethodDecorator {
  return (target, method, descriptor) => {
    SetMetadata('microservices:pattern', patterns)(target, method, descriptor);
    SetMetadata('microservices:transport', transport)(target, method, descriptor);
  };
}

@Controller()
class OrdersController {
  @Pattern(['orders.created', { to: 'all', cmd: { b: 1, a: [{ d: 1, c: 2 }] } }], 2) create() {}
  @Pattern(['orders']) list() {}
  @Pattern([7], Symbol('custom')) other() {}
  @Get('orders') @Pattern(['both']) both() {}
}

@WebSocketGateway(8080, { namespace: 'chat', path: '/sockets' })
class ChatGateway {
  @SubscribeMessage('say') say() {}
  @SubscribeMessage({ b: 1, a: 2 }) structured() {}
}

@WebSocketGateway({ namespace: /^\/room-/ })
class RoomsGateway {
  @SubscribeMessage('say') say() {}
}

const texts = (method: string) => messageAddresses(OrdersController, method).map(({ text }) => text);

describe('addresses of messages', () => {
  it('are transport and pattern of a microservice’s handler, for any order of an object’s members', () => {
    expect(texts('create')).toEqual(['rpc 2 orders.created', 'rpc 2 {"cmd":{"a":[{"c":2,"d":1}],"b":1},"to":"all"}']);
    expect(texts('list')).toEqual(['rpc orders']);
    expect(texts('other')).toEqual(['rpc Symbol(custom) 7']);
  });

  it('are port, path, namespace and event of a gateway’s handler', () => {
    expect(serverAddress(ChatGateway).text).toBe('ws :8080/sockets /chat');
    expect(eventAddress(ChatGateway, 'say').text).toBe('ws :8080/sockets /chat say');
    expect(eventAddress(ChatGateway, 'structured').text).toBe('ws :8080/sockets /chat {"a":2,"b":1}');
    expect(eventAddress(RoomsGateway, 'say').text).toBe('ws :0 /^\\/room-/ say');
  });

  it('identify the handlers of a controller, in addition to its routes', async () => {
    await using app = await startApp({ adapter: 'express', controllers: [OrdersController] });
    const registry = app.app.get(HandlerRegistry);
    const ids = ['create', 'list', 'both'].map((method) => registry.limitsOf(OrdersController, method).handler);
    expect(ids).toEqual([
      { classId: 'GET /orders', handlerId: 'rpc 2 orders.created' },
      { classId: 'GET /orders', handlerId: 'rpc orders' },
      { classId: 'GET /orders', handlerId: 'GET /orders' },
    ]);
  });
});
