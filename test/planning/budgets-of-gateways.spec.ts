import { describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ManualClock, MemoryBackend, SkipThrottle, Throttle } from '../../src/index.js';
import { HandlerRegistry } from '../../src/planning/handler-registry.js';
import { by } from '../../src/transports/identity/by.js';
import { type SocketOptions, startSockets, type TestSockets, transports } from '../support/gateway-app.js';
import { START } from '../support/start-time.js';

/** Makes a gateway with a budget for each of its handlers. All clients are one subject. */
function gateway(events: readonly string[], more: { port?: number; options?: object; name?: string } = {}): Type {
  const { port = 0, options = {}, name = 'GeneratedGateway' } = more;
  @Throttle('2/min', { scope: 'handler', by: by.all() })
  class GeneratedGateway {
    first(): unknown {
      return { event: `${name}.first` };
    }

    second(): unknown {
      return { event: `${name}.second` };
    }
  }
  (['first', 'second'] as const).slice(0, events.length).forEach((method, i) => {
    const { prototype } = GeneratedGateway;
    SubscribeMessage(events[i])(prototype, method, Object.getOwnPropertyDescriptor(prototype, method) ?? {});
  });
  WebSocketGateway(port, options)(GeneratedGateway);
  Object.defineProperty(GeneratedGateway, 'name', { value: name });
  return GeneratedGateway;
}

/** Sends a message so often, and returns the events that come back, sorted. */
async function replies(sockets: TestSockets, event: string, times: number): Promise<string[]> {
  const socket = await sockets.connect();
  for (let i = 0; i < times; i++) {
    socket.send(event, null);
    await socket.settled();
  }
  return socket.received.map((message) => message.event).sort();
}

describe.each(transports)('budgets of gateways on %s', (transport) => {
  /** Starts applications that share what is counted, as processes on one Redis do. */
  function fleet() {
    const backend = new MemoryBackend({ clock: new ManualClock(START) });
    return (gateways: readonly Type[], more: Partial<SocketOptions> = {}) =>
      startSockets({ transport, gateways, ...more, options: { backend, sockets: { noticeEveryMs: 0 } } });
  }

  const identityIn = (sockets: TestSockets, type: Type, method = 'first') =>
    sockets.app.get(HandlerRegistry).limitsOf(type, method).handler;

  it('do not depend on class names or the order of registration', async () => {
    const start = fleet();
    await using one = await start([gateway(['say'], { name: 'a' }), gateway(['type'], { name: 'b' })]);
    expect(await replies(one, 'say', 3)).toEqual(['a.first', 'a.first', 'rate_limit']);
    await using other = await start([gateway(['type'], { name: 'a' }), gateway(['say'], { name: 'b' })]);
    expect(await replies(other, 'say', 1)).toEqual(['rate_limit']);
    expect(await replies(other, 'type', 2)).toEqual(['a.first', 'a.first']);
  });

  it('are identified by port, path, namespace and event, and those of classes by their smallest address', async () => {
    const plain = gateway(['say', 'Say']);
    const elsewhere = gateway(['say'], { options: transport === 'ws' ? { path: '/chat' } : { namespace: 'chat' } });
    await using sockets = await fleet()([plain, elsewhere]);
    expect(identityIn(sockets, plain)).toEqual({ classId: 'ws :0 / Say', handlerId: 'ws :0 / say' });
    expect(identityIn(sockets, plain, 'second').handlerId).toBe('ws :0 / Say');
    expect(identityIn(sockets, elsewhere).handlerId).toBe(transport === 'ws' ? 'ws :0/chat / say' : 'ws :0 /chat say');
  });

  it('are separate for gateways that handle the same messages, which all run', async () => {
    const warnings: string[] = [];
    const gateways = [gateway(['say'], { name: 'Chat' }), gateway(['say'], { name: 'Log' })] as const;
    await using sockets = await fleet()(gateways, { warnings });
    expect(gateways.map((one) => identityIn(sockets, one).handlerId)).toEqual(['ws :0 / say Chat', 'ws :0 / say Log']);
    const ran = await replies(sockets, 'say', 2);
    expect(ran.filter((event) => event !== 'rate_limit')).toEqual([
      'Chat.first',
      'Chat.first',
      'Log.first',
      'Log.first',
    ]);
    expect(warnings).toEqual([]);
  });

  it('cause a warning if such gateways cannot be distinguished', async () => {
    const warnings: string[] = [];
    await using _ = await fleet()([gateway(['say']), gateway(['say'])], { warnings });
    expect(warnings).toEqual([
      expect.stringContaining(
        'GeneratedGateway.first and GeneratedGateway.first have the same name and the same address, "ws :0 / say GeneratedGateway.first"',
      ),
    ]);
  });

  it('of new connections belong to the server, or to the class if several gateways limit them', async () => {
    const gatewayOf = (name: string, ...limits: ClassDecorator[]): Type => {
      class Gateway {
        @SkipThrottle()
        @SubscribeMessage('say')
        say(): void {}
      }
      for (const limit of limits) limit(Gateway);
      WebSocketGateway()(Gateway);
      Object.defineProperty(Gateway, 'name', { value: name });
      return Gateway;
    };
    const limit = () => Throttle({ connections: '9/min' });
    const idsIn = (sockets: TestSockets, types: readonly Type[]) =>
      types.map((type) => sockets.app.get(HandlerRegistry).connectionLimitOf(type)?.scope);
    const alone = [gatewayOf('Chat', limit()), gatewayOf('Log')];
    await using one = await fleet()(alone);
    expect(idsIn(one, alone)).toEqual(['handler:ws :0 /', undefined]);
    const both = [gatewayOf('Chat', limit()), gatewayOf('Log', limit())];
    await using two = await fleet()(both);
    expect(idsIn(two, both)).toEqual(['handler:ws :0 / Chat', 'handler:ws :0 / Log']);
    const ids = [gatewayOf('Chat', Throttle({ connections: { rate: '9/min', id: 'door' } }))];
    await using three = await fleet()(ids);
    expect(idsIn(three, ids)).toEqual(['id:door']);
    const warnings: string[] = [];
    const same = [gatewayOf('Chat', limit()), gatewayOf('Chat', limit())];
    await using _ = await fleet()(same, { warnings });
    expect(warnings).toEqual([
      expect.stringContaining('Chat and Chat have the same name and the same address, "ws :0 / Chat"'),
    ]);
  });
});
