import { describe, expect, it } from '@jest/globals';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { by, SkipThrottle, Throttle } from '../../../../src/index.js';
import { TestSockets, transports } from '../../../support/gateway-app.js';
import { TestApp } from '../../../support/http-app.js';
import { freePort } from '../../../support/redis/redis.js';
import { aside, attempts, perMinute, refusal, startOnly, tooMany } from './handshake-client.js';

const ofModule = (limit: number) => ({ sockets: { connections: perMinute(limit) } });

describe.each(transports)('the limit of connections to a gateway on %s', (transport) => {
  it.each([
    ['beside a rate', Throttle('60/min', { connections: perMinute(2) })],
    ['by itself', Throttle({ connections: perMinute(2) })],
    ['in a list', Throttle(['60/min', { connections: perMinute(2) }])],
    ['stacked', (type: new () => object) => Throttle('60/min')(Throttle({ connections: perMinute(2) })(type) ?? type)],
    ['as a text', Throttle({ connections: '2/min' })],
  ] as const)('is declared on its class, %s', async (_how, decorate) => {
    @decorate
    @WebSocketGateway()
    class ChatGateway {}
    await using sockets = await startOnly({ transport, gateways: [ChatGateway] });
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'limited']);
  });

  it.each([
    ['a laxer one', 1, 3],
    ['a stricter one', 3, 1],
  ])('replaces that of the module: %s', async (_what, module, own) => {
    @Throttle({ connections: perMinute(own) })
    @WebSocketGateway()
    class ChatGateway {}
    await using sockets = await startOnly({ transport, gateways: [ChatGateway], options: ofModule(module) });
    expect(await attempts(sockets, own)).toEqual(new Array(own).fill('open'));
    const { headers, data } = await refusal(sockets);
    if (transport === 'ws') expect(headers['ratelimit-policy']).toBe(`"connections";q=${own};w=60`);
    else expect(data).toEqual(tooMany({ limit: own }));
  });

  it.each([
    ['a laxer one', 1, 3],
    ['a stricter one', 3, 1],
  ])('replaces that of a class it extends: %s', async (_what, ofBase, own) => {
    @Throttle({ connections: perMinute(ofBase) })
    class BaseGateway {}
    @Throttle({ connections: perMinute(own) })
    @WebSocketGateway()
    class ChatGateway extends BaseGateway {}
    await using sockets = await startOnly({ transport, gateways: [ChatGateway], options: ofModule(2) });
    expect(await attempts(sockets, own + 1)).toEqual([...new Array(own).fill('open'), 'limited']);
  });

  it('is that of the class it extends, if it declares none', async () => {
    @Throttle({ connections: perMinute(1) })
    class BaseGateway {}
    @WebSocketGateway()
    class ChatGateway extends BaseGateway {}
    await using sockets = await startOnly({ transport, gateways: [ChatGateway], options: ofModule(3) });
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
  });

  it('is none if it skips everything, and that of the module if it skips a policy', async () => {
    @SkipThrottle()
    @WebSocketGateway()
    class FreeGateway {}
    @SkipThrottle('search')
    @WebSocketGateway(aside(transport))
    class ChatGateway {
      @SubscribeMessage('say')
      say(): void {}
    }
    const options = { ...ofModule(1), policies: { search: '1/min' } };
    await using sockets = await startOnly({ transport, gateways: [FreeGateway, ChatGateway], options });
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'open']);
    expect(await attempts(sockets, 2, aside(transport))).toEqual(['open', 'limited']);
  });

  it('is none if the class it extends skips everything, unless it declares one', async () => {
    @SkipThrottle()
    class BaseGateway {}
    @WebSocketGateway()
    class FreeGateway extends BaseGateway {}
    @Throttle({ connections: perMinute(2) })
    @WebSocketGateway(aside(transport))
    class ChatGateway extends BaseGateway {}
    await using sockets = await startOnly({ transport, gateways: [FreeGateway, ChatGateway], options: ofModule(1) });
    expect(await attempts(sockets, 3)).toEqual(['open', 'open', 'open']);
    expect(await attempts(sockets, 3, aside(transport))).toEqual(['open', 'open', 'limited']);
  });

  it('is separate for each server if it is its own, and shared if it is that of the module', async () => {
    @WebSocketGateway()
    class ChatGateway {}
    @WebSocketGateway(aside(transport, '/news'))
    class NewsGateway {}
    @Throttle({ connections: perMinute(2) })
    @WebSocketGateway(aside(transport))
    class OwnGateway {}
    const gateways = [ChatGateway, NewsGateway, OwnGateway];
    await using sockets = await startOnly({ transport, gateways, options: ofModule(2) });
    expect(await attempts(sockets, 1)).toEqual(['open']);
    expect(await attempts(sockets, 3, aside(transport))).toEqual(['open', 'open', 'limited']);
    expect(await attempts(sockets, 2, aside(transport, '/news'))).toEqual(['open', 'limited']);
    expect(await attempts(sockets, 1)).toEqual(['limited']);
  });

  it('is two for two gateways that extend one class', async () => {
    @Throttle({ connections: perMinute(1) })
    class BaseGateway {}
    @WebSocketGateway()
    class ChatGateway extends BaseGateway {}
    @WebSocketGateway(aside(transport))
    class NewsGateway extends BaseGateway {}
    await using sockets = await startOnly({ transport, gateways: [ChatGateway, NewsGateway] });
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
    expect(await attempts(sockets, 2, aside(transport))).toEqual(['open', 'limited']);
  });
});

describe.each(transports)('two gateways on one server of %s', (transport) => {
  @WebSocketGateway()
  class ChatGateway {}
  @WebSocketGateway()
  class NewsGateway {}

  it('have one connection, which the limit of the module is charged for once', async () => {
    const gateways = [ChatGateway, NewsGateway];
    await using sockets = await startOnly({ transport, gateways, options: ofModule(3) });
    expect(await attempts(sockets, 4)).toEqual(['open', 'open', 'open', 'limited']);
  });

  it.each([
    ['the first', 1, 3],
    ['the second', 3, 1],
  ])('both limit it: %s', async (which, first, second) => {
    const say = (text: string, limit: number) =>
      Throttle({ connections: { ...perMinute(limit), by: by.all(), message: text } });
    @say('the first', first)
    class FirstGateway extends ChatGateway {}
    WebSocketGateway()(FirstGateway);
    @say('the second', second)
    class SecondGateway extends ChatGateway {}
    WebSocketGateway()(SecondGateway);
    await using sockets = await startOnly({ transport, gateways: [FirstGateway, SecondGateway] });
    await sockets.connect();
    const { body, data } = await refusal(sockets);
    if (transport === 'ws') expect(JSON.parse(body).message).toBe(which);
    else expect(data).toEqual(tooMany({ error: which }));
    sockets.clock.advance(60_000);
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
  });

  it('are limited by the module if one of them has no limit', async () => {
    @SkipThrottle()
    @WebSocketGateway()
    class FreeGateway {}
    await using sockets = await startOnly({ transport, gateways: [FreeGateway, ChatGateway], options: ofModule(1) });
    expect(await attempts(sockets, 2)).toEqual(['open', 'limited']);
  });
});

// On ws only: a server of socket.io on a port of its own listens on all interfaces.
it('a gateway on its own port is limited there', async () => {
  const port = await freePort();
  @Throttle({ connections: perMinute(2) })
  @WebSocketGateway(port, { host: '127.0.0.1' })
  class OwnGateway {}
  @WebSocketGateway(aside('ws'))
  class ChatGateway {}
  await using sockets = await startOnly({ transport: 'ws', gateways: [OwnGateway, ChatGateway], options: ofModule(1) });
  const there = new TestSockets(new TestApp(sockets.app, sockets.clock, port), 'ws');
  expect(await attempts(there, 3)).toEqual(['open', 'open', 'limited']);
  expect(await attempts(sockets, 2, aside('ws'))).toEqual(['open', 'limited']);
});
