import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  Get,
  type INestApplication,
  Inject,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type NestMiddleware,
  Scope,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { LazyModuleLoader, ModuleRef } from '@nestjs/core';
import { Throttle, ThrottleService } from '../../src/index.js';
import { currentSession } from '../../src/service/calls/session-store.js';
import { type AppOptions, adapters, startApp } from '../support/http-app.js';

/** The ways to obtain the service. */
class Held {
  service: ThrottleService | undefined;

  readonly take = (service: ThrottleService): boolean => {
    this.service = service;
    return true;
  };
}

const handlerOf = (held: Held, decorate: (type: Type) => void = () => undefined): Type => {
  @Controller()
  class HeldController {
    @Throttle({ rate: '5/min', strategy: 'fixed-window', manual: true })
    @Get('x')
    async x() {
      await held.service?.hit();
      return { isOpen: currentSession() !== undefined };
    }
  }
  decorate(HeldController);
  return HeldController;
};

function injected({ take }: Held): Type {
  @Injectable()
  class ByConstructor {
    constructor(@Inject(ThrottleService) throttle: ThrottleService) {
      take(throttle);
    }
  }
  return ByConstructor;
}

/** Nest makes these ones by themselves, and not as providers. */
function enhancer({ take }: Held): Type {
  @Injectable()
  class Enhancer implements CanActivate {
    constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

    canActivate() {
      return take(this.throttle);
    }

    intercept(_: unknown, next: { handle(): never }) {
      take(this.throttle);
      return next.handle();
    }
  }
  return Enhancer;
}

const WAYS: Record<string, (held: Held) => Omit<AppOptions, 'adapter'>> = {
  'its constructor': (held) => ({ controllers: [handlerOf(held)], providers: [injected(held)] }),

  'a member': (held) => {
    @Injectable()
    class ByMember {
      @Inject(ThrottleService) private readonly throttle!: ThrottleService;

      onModuleInit() {
        held.take(this.throttle);
      }
    }
    return { controllers: [handlerOf(held)], providers: [ByMember] };
  },

  'a factory': (held) => ({
    controllers: [handlerOf(held)],
    providers: [{ provide: 'held', useFactory: held.take, inject: [ThrottleService] }],
  }),

  'another name': (held) => ({
    controllers: [handlerOf(held)],
    providers: [
      { provide: 'throttle', useExisting: ThrottleService },
      { provide: 'held', useFactory: held.take, inject: ['throttle'] },
    ],
  }),

  'a reference to its module': (held) => {
    @Injectable()
    class ByReference {
      constructor(@Inject(ModuleRef) private readonly module: ModuleRef) {}

      onModuleInit() {
        held.take(this.module.get(ThrottleService, { strict: false }));
      }
    }
    return { controllers: [handlerOf(held)], providers: [ByReference] };
  },

  'a module that is loaded later': (held) => {
    @Injectable()
    class Loader {
      constructor(@Inject(LazyModuleLoader) readonly loader: LazyModuleLoader) {}
    }
    // It is unknown what this may load, so the service is obtained here instead.
    const prepare = (app: INestApplication) => void held.take(app.get(ThrottleService));
    return { controllers: [handlerOf(held)], providers: [Loader], prepare };
  },

  'a guard of the controller': (held) => ({ controllers: [handlerOf(held, UseGuards(enhancer(held)))] }),
  'an interceptor of the controller': (held) => ({ controllers: [handlerOf(held, UseInterceptors(enhancer(held)))] }),

  'a middleware': (held) => {
    @Injectable()
    class Middleware implements NestMiddleware {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      use(_request: unknown, _response: unknown, next: () => void) {
        held.take(this.throttle);
        next();
      }
    }

    @Module({})
    class MiddlewareModule {
      configure(consumer: MiddlewareConsumer) {
        consumer.apply(Middleware).forRoutes('{*path}');
      }
    }
    return { controllers: [handlerOf(held)], imports: [MiddlewareModule] };
  },

  'a provider a request': (held) => {
    @Injectable({ scope: Scope.REQUEST })
    class ARequest {
      constructor(@Inject(ThrottleService) throttle: ThrottleService) {
        held.take(throttle);
      }
    }

    @Controller()
    class OfRequest {
      constructor(@Inject(ARequest) readonly one: ARequest) {}

      @Throttle({ rate: '5/min', strategy: 'fixed-window', manual: true })
      @Get('x')
      async x() {
        await held.service?.hit();
        return { isOpen: currentSession() !== undefined };
      }
    }
    return { controllers: [OfRequest], providers: [ARequest] };
  },
};

describe.each(adapters)('the call being handled on %s', (adapter) => {
  it.each(Object.keys(WAYS))('is known to a service obtained by %s', async (way) => {
    const held = new Held();
    const options = WAYS[way]?.(held);
    await using app = await startApp({ adapter, ...options });
    const answer = await app.send('/x');
    expect(answer.body).toEqual({ isOpen: true });
    expect(answer.headers.ratelimit).toBe('"default";r=4;t=60');
  });

  it('is not tracked if nothing has the service', async () => {
    await using app = await startApp({ adapter, controllers: [handlerOf(new Held())] });
    expect((await app.send('/x')).body).toEqual({ isOpen: false });
  });

  it('is known from the second use on to a service that was obtained without injection', async () => {
    const held = new Held();
    const errors: string[] = [];
    await using app = await startApp({ adapter, controllers: [handlerOf(held)], errors });
    held.take(app.app.get(ThrottleService));
    expect((await app.send('/x')).status).toBe(500);
    expect(errors).toEqual([expect.stringContaining('have seen no handler here')]);
    const answer = await app.send('/x');
    expect(answer.headers.ratelimit).toBe('"default";r=4;t=60');
  });
});
