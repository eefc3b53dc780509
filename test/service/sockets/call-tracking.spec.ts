import { describe, expect, it } from '@jest/globals';
import { Controller, forwardRef, Get, Inject, Injectable, Scope, type Type } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Throttle, ThrottleService } from '../../../src/index.js';
import { currentSession } from '../../../src/service/calls/session-store.js';
import { limited } from '../../support/denied-message.js';
import { startSockets } from '../../support/gateway-app.js';
import { startApp } from '../../support/http-app.js';

/** Providers that Nest 11 looks into no sooner than there is a request. */
const HOLDERS: Record<string, (scope: Scope, durable?: boolean) => Type> = {
  'its constructor': (scope, durable = false) => {
    @Injectable({ scope, durable })
    class ByConstructor {
      constructor(@Inject(ThrottleService) readonly throttle: ThrottleService) {}
    }
    return ByConstructor;
  },

  'a reference forward': (scope, durable = false) => {
    @Injectable({ scope, durable })
    class ByReference {
      constructor(@Inject(forwardRef(() => ThrottleService)) readonly throttle: ThrottleService) {}
    }
    return ByReference;
  },

  'a member': (scope, durable = false) => {
    @Injectable({ scope, durable })
    class ByMember {
      @Inject(ThrottleService) readonly throttle!: ThrottleService;
    }
    return ByMember;
  },
};

interface Holder {
  readonly throttle: ThrottleService;
}

const manual = { rate: '5/min', strategy: 'fixed-window', manual: true } as const;

describe.each(Object.keys(HOLDERS))('the call being handled, by a service in %s', (way) => {
  it.each([
    ['of a request', Scope.REQUEST, false],
    ['that is durable', Scope.REQUEST, true],
    ['of its own for each holder', Scope.TRANSIENT, false],
  ])('is known from the first request on in a provider %s', async (_, scope, durable) => {
    const type = HOLDERS[way]?.(scope, durable) ?? Object;

    @Controller({ scope: Scope.REQUEST })
    class ScopedController {
      constructor(@Inject(type) private readonly holder: Holder) {}

      @Throttle(manual)
      @Get('x')
      async x() {
        await this.holder.throttle.hit();
        return { isOpen: currentSession() !== undefined };
      }
    }
    await using app = await startApp({ adapter: 'express', controllers: [ScopedController], providers: [type] });
    const answer = await app.send('/x');
    expect(answer.body).toEqual({ isOpen: true });
    expect(answer.headers.ratelimit).toBe('"default";r=4;t=60');
  });
});

describe('the call being handled, by a service in a factory', () => {
  it('is known from the first request on if the factory is request-scoped', async () => {
    const provider = {
      provide: 'holder',
      scope: Scope.REQUEST,
      useFactory: (throttle: ThrottleService): Holder => ({ throttle }),
      inject: [{ token: ThrottleService, optional: false }],
    };

    @Controller()
    class FactoryController {
      constructor(@Inject('holder') private readonly holder: Holder) {}

      @Throttle(manual)
      @Get('x')
      async x() {
        await this.holder.throttle.hit();
        return {};
      }
    }
    await using app = await startApp({ adapter: 'express', controllers: [FactoryController], providers: [provider] });
    expect((await app.send('/x')).headers.ratelimit).toBe('"default";r=4;t=60');
  });
});

describe('a message of socket.io, by a service that was obtained without injection', () => {
  it('is known from the second one on if the client is passed: its acknowledgement is called when it is denied', async () => {
    const held: { throttle?: ThrottleService } = {};

    @WebSocketGateway()
    class HeldGateway {
      @SubscribeMessage('act')
      async act(@ConnectedSocket() client: object) {
        const outcome = await held.throttle?.hit('scarce', 1, { on: client });
        return outcome?.allowed ? 'done' : undefined;
      }
    }
    const policies = { scarce: { rate: '1/min', strategy: 'fixed-window' } } as const;
    await using sockets = await startSockets({ transport: 'io', gateways: [HeldGateway], options: { policies } });
    held.throttle = sockets.app.get(ThrottleService);
    const socket = await sockets.connect();
    expect(await socket.ask('act')).toBe('done');
    expect(await socket.ask('act')).toEqual(limited({ policy: 'scarce', limit: 1, remaining: 0 }));
  });
});
