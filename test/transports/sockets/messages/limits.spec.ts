import { describe, expect, it } from '@jest/globals';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type Call, SkipThrottle, Throttle, type ThrottleEvent, ThrottleService } from '../../../../src/index.js';
import { limited } from '../../../support/denied-message.js';
import { type SocketOptions, startSockets, type TestSocket, transports } from '../../../support/gateway-app.js';

const strategy = 'fixed-window';

@Throttle('3/min', { strategy })
@WebSocketGateway()
class ClassGateway {
  @SubscribeMessage('a') a() {
    return { event: 'a' };
  }

  @SubscribeMessage('b') b() {
    return { event: 'b' };
  }

  @Throttle('1/min', { strategy })
  @SubscribeMessage('tight')
  tight() {
    return { event: 'tight' };
  }

  @Throttle('1/min', { strategy, name: 'extra' })
  @SubscribeMessage('both')
  both() {
    return { event: 'both' };
  }

  @Throttle('search')
  @SubscribeMessage('search')
  search() {
    return { event: 'search' };
  }

  @SkipThrottle()
  @SubscribeMessage('free')
  free() {
    return { event: 'free' };
  }

  @Throttle('10/min', { strategy, cost: ({ message }: Call) => String(message).length })
  @SubscribeMessage('sized')
  sized(@MessageBody() text: string) {
    return { event: 'sized', data: text };
  }
}

@WebSocketGateway()
class PlainGateway {
  @SubscribeMessage('plain') plain() {
    return { event: 'plain' };
  }
}

/** The events that came back for those sent, each waited for. */
async function answers(socket: TestSocket, events: readonly string[], data?: unknown): Promise<string[]> {
  const from = socket.received.length;
  for (const event of events) {
    socket.send(event, data);
    await socket.settled();
  }
  return socket.received.slice(from).map(({ event }) => event);
}

describe.each(transports)('limits of a gateway on %s', (transport) => {
  const start = (options: SocketOptions['options'] = {}, gateways: SocketOptions['gateways'] = [ClassGateway]) =>
    startSockets({
      transport,
      gateways,
      options: {
        policies: { search: { rate: '2/min', strategy } },
        ...options,
        sockets: { noticeEveryMs: 0, ...options.sockets },
      },
    });

  it('on its class have one budget for its messages', async () => {
    await using sockets = await start();
    expect(await answers(await sockets.connect(), ['a', 'b', 'a', 'b'])).toEqual(['a', 'b', 'a', 'rate_limit']);
  });

  it('on a handler replace the unnamed one of its class', async () => {
    await using sockets = await start();
    const socket = await sockets.connect();
    expect(await answers(socket, ['tight', 'tight', 'a', 'a', 'a', 'a'])).toEqual([
      'tight',
      'rate_limit',
      'a',
      'a',
      'a',
      'rate_limit',
    ]);
  });

  it('with a name apply in addition to those of the class, all or none', async () => {
    await using sockets = await start();
    const socket = await sockets.connect();
    expect(await answers(socket, ['both', 'both', 'a', 'a', 'a'])).toEqual([
      'both',
      'rate_limit',
      'a',
      'a',
      'rate_limit',
    ]);
  });

  it('by the name of a policy of the module use the budget of the application', async () => {
    await using sockets = await start();
    const socket = await sockets.connect();
    expect(await answers(socket, ['search', 'search', 'search'])).toEqual(['search', 'search', 'rate_limit']);
    expect(socket.received.at(-1)?.data).toEqual(limited({ policy: 'search' }));
    expect(await answers(socket, ['a', 'a'])).toEqual(['a', 'rate_limit']);
  });

  it('are skipped by @SkipThrottle', async () => {
    await using sockets = await start();
    expect(await answers(await sockets.connect(), new Array(9).fill('free'))).toEqual(new Array(9).fill('free'));
  });

  it('charge by the content of a message', async () => {
    await using sockets = await start();
    const socket = await sockets.connect();
    expect(await answers(socket, ['sized'], 'seven..')).toEqual(['sized']);
    expect(await answers(socket, ['sized'], 'four')).toEqual(['rate_limit']);
    expect(socket.received.at(-1)?.data).toEqual(limited({ limit: 10, remaining: 3 }));
    expect(await answers(socket, ['sized'], 'two')).toEqual(['sized']);
  });

  it('report that a cost above the limit never passes', async () => {
    await using sockets = await start();
    const socket = await sockets.connect();
    expect(await answers(socket, ['sized'], 'eleven.....')).toEqual(['rate_limit']);
    expect(socket.received.at(-1)?.data).toEqual(limited({ retry_after: null, limit: 10, remaining: 10 }));
  });

  it("are the module's default if a gateway declares none", async () => {
    await using sockets = await start({ default: { rate: '2/min', strategy } }, [PlainGateway]);
    expect(await answers(await sockets.connect(), ['plain', 'plain', 'plain'])).toEqual([
      'plain',
      'plain',
      'rate_limit',
    ]);
    expect(await answers(await sockets.connect(), ['plain'])).toEqual(['plain']);
  });

  it('do not affect gateways without limits', async () => {
    await using sockets = await start({}, [PlainGateway]);
    expect(await answers(await sockets.connect(), new Array(5).fill('plain'))).toEqual(new Array(5).fill('plain'));
  });

  it('let messages pass that the module skips', async () => {
    await using sockets = await start({ skip: ({ message }) => message === 'vip' });
    const socket = await sockets.connect();
    expect(await answers(socket, ['tight', 'tight', 'tight'], 'vip')).toEqual(['tight', 'tight', 'tight']);
    expect(await answers(socket, ['tight', 'tight'])).toEqual(['tight', 'rate_limit']);
  });

  it('are emitted as events with the handler', async () => {
    await using sockets = await start();
    const events: ThrottleEvent[] = [];
    sockets.app.get(ThrottleService).events$.subscribe((event) => events.push(event));
    await answers(await sockets.connect(), ['tight', 'tight']);
    const denied = events.map((event) => event.type === 'denied' && [event.handler, event.outcome.binding?.policy]);
    expect(denied).toEqual([['ClassGateway.tight', 'default']]);
  });
});
