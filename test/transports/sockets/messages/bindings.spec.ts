import { describe, expect, it } from '@jest/globals';
import { Injectable, type Type, UseGuards, UseInterceptors } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { EMPTY } from 'rxjs';
import { by, SkipThrottle, Throttle, ThrottleGuard, ThrottleInterceptor } from '../../../../src/index.js';
import { type SocketOptions, startSockets, type TestSocket, transports } from '../../../support/gateway-app.js';

const strategy = 'fixed-window';

@Injectable()
class OwnInterceptor extends ThrottleInterceptor {}

@UseInterceptors(ThrottleInterceptor, OwnInterceptor)
@UseGuards(ThrottleGuard)
@Throttle('3/min', { strategy })
@WebSocketGateway()
class BoundGateway {
  @UseInterceptors(ThrottleInterceptor)
  @UseGuards(ThrottleGuard)
  @SubscribeMessage('say')
  say() {
    return { event: 'said' };
  }
}

@Throttle('3/min', { strategy })
@WebSocketGateway()
class PlainGateway {
  @SubscribeMessage('say')
  say() {
    return { event: 'said' };
  }
}

@WebSocketGateway()
class ChildGateway extends PlainGateway {}

@Throttle('3/min', { strategy, by: by.all() })
@WebSocketGateway()
class SharedGateway extends PlainGateway {}

/** Returns the events received for a number of messages. */
async function said(socket: TestSocket, count: number): Promise<readonly string[]> {
  const from = socket.received.length;
  for (let i = 0; i < count; i++) {
    socket.send('say');
    await socket.settled();
  }
  return socket.received.slice(from).map(({ event }) => event);
}

const threeOfFive = ['said', 'said', 'said', 'rate_limit', 'rate_limit'];

describe.each(transports)('a message on %s', (transport) => {
  const start = (gateways: readonly Type[], more: Partial<SocketOptions> = {}) =>
    startSockets({ transport, gateways, ...more, options: { sockets: { noticeEveryMs: 0 }, ...more.options } });

  it('is charged once if interceptor and guard are bound again, globally, on the class and on the handler', async () => {
    const providers = [
      { provide: APP_INTERCEPTOR, useClass: ThrottleInterceptor },
      { provide: APP_GUARD, useClass: ThrottleGuard },
    ];
    await using sockets = await start([BoundGateway], { providers });
    expect(await said(await sockets.connect(), 5)).toEqual(threeOfFive);
  });

  it('is charged if the module binds no guard', async () => {
    await using sockets = await start([PlainGateway], { options: { guard: false, sockets: { noticeEveryMs: 0 } } });
    expect(await said(await sockets.connect(), 5)).toEqual(threeOfFive);
  });

  it('is charged once on a gateway that extends another, by the limits of both', async () => {
    await using sockets = await start([ChildGateway]);
    expect(await said(await sockets.connect(), 5)).toEqual(threeOfFive);
  });

  it('is denied before interceptors of the class see it', async () => {
    let seen = 0;
    const counting = {
      intercept: (_: unknown, next: { handle(): typeof EMPTY }) => {
        seen += 1;
        return next.handle();
      },
    };

    @UseInterceptors(counting)
    @WebSocketGateway()
    class CountedGateway extends PlainGateway {}

    await using sockets = await start([CountedGateway]);
    await said(await sockets.connect(), 5);
    expect(seen).toBe(3);
  });

  it('is not charged if a guard has refused it', async () => {
    let turnsAway = true;

    @UseGuards({ canActivate: () => !turnsAway })
    @WebSocketGateway()
    class GuardedGateway extends PlainGateway {}

    await using sockets = await start([GuardedGateway]);
    const socket = await sockets.connect();
    await said(socket, 5);
    turnsAway = false;
    expect(await said(socket, 5)).toEqual(threeOfFive);
  });

  it('is charged by the application whose client sent it, if two share a gateway class', async () => {
    await using one = await start([SharedGateway]);
    await using other = await start([SharedGateway]);
    expect(await said(await one.connect(), 5)).toEqual(threeOfFive);
    expect(await said(await other.connect(), 5)).toEqual(threeOfFive);
    expect(await said(await one.connect(), 1)).toEqual(['rate_limit']);
  });

  it('is charged the same by one application after another', async () => {
    for (let i = 0; i < 3; i++) {
      await using sockets = await start([SharedGateway]);
      expect(await said(await sockets.connect(), 5)).toEqual(threeOfFive);
    }
    expect(Reflect.getOwnMetadata('__interceptors__', SharedGateway)).toBeUndefined();
  });

  it('is charged on each of two gateways that handle it, on one server', async () => {
    @SkipThrottle()
    @WebSocketGateway()
    class FreeGateway {
      @SubscribeMessage('say')
      hear() {
        return { event: 'heard' };
      }
    }
    await using sockets = await start([PlainGateway, FreeGateway]);
    const events = await said(await sockets.connect(), 4);
    expect(events.filter((event) => event === 'heard')).toHaveLength(4);
    expect(events.filter((event) => event !== 'heard')).toEqual(['said', 'said', 'said', 'rate_limit']);
  });
});
