import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SkipThrottle, type SocketOptions, Throttle, ThrottleConfigError, ThrottleModule } from '../../src/index.js';
import { startupError } from '../support/application.js';
import { startSockets } from '../support/gateway-app.js';

/** Values that the compiler rejects, but a configuration file may contain. */
const untyped = (sockets: unknown) => ThrottleModule.forRoot({ sockets: sockets as SocketOptions });
const place = 'ThrottleModule.sockets';
const aRate = 'expected "<count>/<unit>" such as "5/min", "10 per 30 seconds", "10/s; 200/hour" or "unlimited"';
const aProxy =
  'expected true, false, a number of hops, addresses or networks such as "10.0.0.0/8" or "loopback", or a function of address and hop';

describe('the option sockets stops startup', () => {
  it.each<readonly [unknown, string]>([
    [
      5,
      `${place}: expected options { connections?, frames?, closeAfter?, noticeEveryMs?, maxPending?, trustProxy? }, got 5 (number)`,
    ],
    [
      { closeafter: 3 },
      `${place}: there is no option "closeafter". Did you mean "closeAfter"? Known: closeAfter, noticeEveryMs, maxPending, connections, frames, trustProxy.`,
    ],
    [{ closeAfter: 0 }, `${place}.closeAfter: expected a whole number of denied messages, at least 1, got 0 (number)`],
    [{ closeAfter: '3' }, `${place}.closeAfter: expected a whole number of denied messages, at least 1, got "3"`],
    [
      { noticeEveryMs: -1 },
      `${place}.noticeEveryMs: expected a whole number of milliseconds, at least 0, got -1 (number)`,
    ],
    [
      { noticeEveryMs: 0.5 },
      `${place}.noticeEveryMs: expected a whole number of milliseconds, at least 0, got 0.5 (number)`,
    ],
    [{ maxPending: 0 }, `${place}.maxPending: expected a whole number of messages, at least 1, got 0 (number)`],
    [{ trustProxy: 'everyone' }, `${place}.trustProxy: ${aProxy}, got "everyone"`],
    [{ trustProxy: -1 }, `${place}.trustProxy: ${aProxy}, got -1 (number)`],
    [{ trustProxy: null }, `${place}.trustProxy: ${aProxy}, got null`],
    [{ connections: '5/fortnight' }, `${place}.connections.rate: ${aRate}, got "5/fortnight"`],
    [
      { connections: 5 },
      `${place}.connections: expected a rate such as "10/min", or options with a rate, got 5 (number)`,
    ],
    [
      { connections: ['5/min'] },
      `${place}.connections: expected a rate such as "10/min", or options with a rate, got ["5/min"]`,
    ],
    [{ frames: {} }, `${place}.frames.rate: expected a rate such as "5/min", got none`],
    [
      { frames: { rate: '5/min', manual: true } },
      `${place}.frames.manual: cannot be used in a limit of frames. Leave it out.`,
    ],
    [
      { frames: { rate: '5/min', scope: 'app' } },
      `${place}.frames.scope: cannot be used in a limit of frames. Leave it out.`,
    ],
    [
      { connections: { rate: '5/min', name: 'a' } },
      `${place}.connections.name: cannot be used in a limit of connections. Leave it out.`,
    ],
    [
      { frames: { rate: '5/min', strategy: 'token-buket' } },
      `${place}.frames.strategy: expected a strategy's name, got "token-buket". Did you mean "token-bucket"? Known: sliding-window, fixed-window, sliding-log, token-bucket, gcra, leaky-bucket, calendar.`,
    ],
  ])('with %j', async (sockets, message) => {
    expect(await startupError(() => ({ imports: [untyped(sockets)] }))).toBe(message);
  });
});

describe('a gateway stops startup', () => {
  const errorOf = (make: () => Type) =>
    startupError(() => ({ options: { policies: { search: '5/min' } }, providers: [make()] }));

  it.each<readonly [string, () => Type, string]>([
    [
      'with a policy that nobody knows',
      () => {
        @WebSocketGateway()
        class ChatGateway {
          @Throttle('serach') @SubscribeMessage('say') say() {}
        }
        return ChatGateway;
      },
      '@Throttle("serach") on ChatGateway.say: no policy has this name. Did you mean "search"? Known: search.',
    ],
    [
      'with a limit on what no message leads to',
      () => {
        @WebSocketGateway()
        class ChatGateway {
          @Throttle('5/min') handleConnection() {}
        }
        return ChatGateway;
      },
      '@Throttle or @SkipThrottle on ChatGateway.handleConnection: expected a handler; no message leads to this method. ' +
        'Move it to one with @SubscribeMessage, or use ThrottleService.hit(). New connections are limited on the class: @Throttle({ connections: "10/min" }).',
    ],
    [
      'with a wrong rate of connections',
      () => {
        // @ts-expect-error the compiler refuses it, too
        @Throttle({ connections: '5/fortnight' })
        @WebSocketGateway()
        class ChatGateway {}
        return ChatGateway;
      },
      `@Throttle on ChatGateway, connections, rate: ${aRate}, got "5/fortnight"`,
    ],
    [
      'with two limits of connections',
      () => {
        @Throttle({ connections: '5/min' })
        @Throttle('60/min', { connections: '6/min' })
        @WebSocketGateway()
        class ChatGateway {}
        return ChatGateway;
      },
      '@Throttle on ChatGateway, connections: set twice here. Combine the rates: { connections: "10/s; 100/min" }.',
    ],
    [
      'with connections on a handler',
      () => {
        @WebSocketGateway()
        class ChatGateway {
          @Throttle('60/min', { connections: '6/min' }) @SubscribeMessage('say') say() {}
        }
        return ChatGateway;
      },
      '@Throttle on ChatGateway.say, connections: belongs on the class of a gateway, because clients connect to the gateway and not to a method. Move it there.',
    ],
    [
      'with connections beside a bare skip',
      () => {
        @SkipThrottle()
        @Throttle({ connections: '5/min' })
        @WebSocketGateway()
        class ChatGateway {}
        return ChatGateway;
      },
      '@SkipThrottle on ChatGateway: skips a @Throttle on the same class or method. Remove one of them.',
    ],
    [
      'with a subject, and no rate of messages, beside connections',
      () => {
        @Throttle({ connections: '5/min' }, { by: () => 'x' })
        @WebSocketGateway()
        class ChatGateway {
          @SubscribeMessage('say') say() {}
        }
        return ChatGateway;
      },
      '@Throttle on ChatGateway, rate: expected a rate such as "5/min", got none',
    ],
  ])('%s', async (_, make, message) => {
    expect(await errorOf(make)).toBe(message);
  });

  it('before a server opens', async () => {
    @WebSocketGateway()
    class WrongGateway {
      @Throttle('serach') @SubscribeMessage('say') say() {}
    }
    await expect(startSockets({ transport: 'ws', gateways: [WrongGateway] })).rejects.toThrow(ThrottleConfigError);
  });
});

describe('a limit of connections', () => {
  it('stops startup on a controller', async () => {
    @Throttle({ connections: '5/min' })
    @Controller()
    class ReportsController {
      @Get() list() {}
    }
    expect(await startupError(() => ({ options: {}, controllers: [ReportsController] }))).toBe(
      '@Throttle on ReportsController, connections: expected a gateway, but ReportsController is not one. Requests are limited by a rate: @Throttle("10/min").',
    );
  });

  it('does not limit messages', async () => {
    @Throttle({ connections: '5/min' })
    @WebSocketGateway()
    class ChatGateway {
      @SubscribeMessage('say') say() {
        return { event: 'said' };
      }
    }
    await using sockets = await startSockets({ transport: 'ws', gateways: [ChatGateway] });
    const socket = await sockets.connect();
    for (let i = 0; i < 9; i++) socket.send('say');
    await socket.settled();
    expect(socket.received).toEqual(new Array(9).fill({ event: 'said', data: undefined }));
  });
});
