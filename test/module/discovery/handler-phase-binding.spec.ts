import { describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  type NestInterceptor,
  Scope,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { RouterExecutionContext } from '@nestjs/core/router/router-execution-context.js';
import type { Observable } from 'rxjs';
import {
  by,
  MemoryBackend,
  SkipThrottle,
  Throttle,
  ThrottleGuard,
  ThrottleModule,
  type ThrottleModuleOptions,
} from '../../../src/index.js';
import { HandlerPhaseInterceptor } from '../../../src/interceptors/handler-phase.interceptor.js';
import { AuthGuard, as, OptionalGuard } from '../../service/handler-phase/guards.js';
import { adapters, startApp } from '../../support/http-app.js';

const strategy = 'fixed-window';
const limit = { rate: '2/min', strategy, by: by.user() } as const;
const threeUsers = ['ann', 'ben', 'cat'];

/** The interceptors that Nest reads for a handler when it registers the route. */
function interceptorsOf(type: Type, method: string): unknown[] {
  return Reflect.getMetadata('__interceptors__', type.prototype[method]) ?? [];
}

@Injectable()
class OwnInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

@UseGuards(AuthGuard)
@Controller('mixed')
class MixedController {
  @Throttle(limit) @Get('user') user() {}
  @Throttle({ ...limit, by: by.first(by.header('x-key'), by.user()) }) @Get('first') first() {}
  @Throttle({ ...limit, by: by.ip(), phase: 'handler' }) @Get('handler') handler() {}
  @UseInterceptors(OwnInterceptor) @Throttle(limit) @Get('own') own() {}
  @Throttle({ ...limit, phase: 'guard' }) @Get('guard') guard() {}
  @Throttle('2/min') @Get('address') address() {}
  @Throttle({ ...limit, manual: true }) @Get('manual') manual() {}
  @Throttle({ ...limit, rate: 'unlimited' }) @Get('unlimited') unlimited() {}
  @SkipThrottle() @Get('skipped') skipped() {}
  @UseInterceptors(OwnInterceptor) @Get('plain') plain() {}
  noHandler() {}
}

describe.each(adapters)('the interceptor of the handler phase, on %s', (adapter) => {
  const bound = expect.any(HandlerPhaseInterceptor);

  it('is bound to handlers with limits in that phase only, before their own interceptors, until the application closes', async () => {
    const methods = Object.getOwnPropertyNames(MixedController.prototype).filter((name) => name !== 'constructor');
    const found = () => Object.fromEntries(methods.map((name) => [name, interceptorsOf(MixedController, name)]));
    const others = {
      guard: [],
      address: [],
      manual: [],
      unlimited: [],
      skipped: [],
      plain: [OwnInterceptor],
      noHandler: [],
    };
    {
      await using app = await startApp({ adapter, controllers: [MixedController] });
      expect(found()).toEqual({
        user: [bound],
        first: [bound],
        handler: [bound],
        own: [bound, OwnInterceptor],
        ...others,
      });
      expect(await app.statuses('/mixed/own', 3, as('ann'))).toEqual([200, 200, 429]);
    }
    expect(found()).toEqual({ user: [], first: [], handler: [], own: [OwnInterceptor], ...others });
  });

  it('is bound by the default of the module, unless another limit replaces it', async () => {
    await using app = await startApp({ adapter, controllers: [MixedController], options: { default: limit } });
    expect(app.port).toBeGreaterThan(0);
    expect(interceptorsOf(MixedController, 'plain')).toEqual([bound, OwnInterceptor]);
    expect(interceptorsOf(MixedController, 'skipped')).toEqual([]);
    expect(interceptorsOf(MixedController, 'address')).toEqual([]);
  });

  it('lets handlers pass that share a function with one of another class', async () => {
    class ParentController {
      @Get('notes') list(): string {
        return 'notes';
      }
    }

    @Controller('free')
    class FreeController extends ParentController {}

    @UseGuards(AuthGuard)
    @Throttle(limit)
    @Controller('limited')
    class LimitedController extends ParentController {}

    await using app = await startApp({ adapter, controllers: [FreeController, LimitedController] });
    expect(await app.statuses('/free/notes', 4, as('ann'))).toEqual([200, 200, 200, 200]);
    for (const user of threeUsers) expect(await app.statuses('/limited/notes', 3, as(user))).toEqual([200, 200, 429]);
  });

  it('charges for the application that the request came to, if several share a controller', async () => {
    @UseGuards(AuthGuard)
    @Controller({ path: 'notes', scope: Scope.REQUEST })
    class NotesController {
      @Throttle(limit) @Get() list(): string {
        return 'notes';
      }
    }
    await using one = await startApp({ adapter, controllers: [NotesController] });
    {
      await using other = await startApp({ adapter, controllers: [NotesController] });
      for (const app of [one, other, one]) {
        const expected = app === one ? [200] : [200, 200, 429];
        expect(await app.statuses('/notes', expected.length, as('ann'))).toEqual(expected);
      }
    }
    expect(await one.statuses('/notes', 2, as('ann'))).toEqual([429, 429]);
    expect(await one.statuses('/notes', 3, as('ben'))).toEqual([200, 200, 429]);
  });

  it('is bound to a method that the constructor binds to the instance', async () => {
    @UseGuards(AuthGuard)
    @Controller('notes')
    class NotesController {
      constructor() {
        this.list = this.list.bind(this);
      }

      @Throttle(limit) @Get() list(): string {
        return 'notes';
      }
    }
    await using app = await startApp({ adapter, controllers: [NotesController] });
    for (const user of threeUsers) expect(await app.statuses('/notes', 3, as(user))).toEqual([200, 200, 429]);
  });

  it('cannot be bound to a function that is created per request: the guard charges all limits, and warns once', async () => {
    @UseGuards(AuthGuard)
    @Controller({ path: 'notes', scope: Scope.REQUEST })
    class NotesController {
      constructor() {
        this.list = this.list.bind(this);
      }

      @Throttle(limit) @Get() list(): string {
        return 'notes';
      }
    }
    const warnings: string[] = [];
    {
      await using app = await startApp({ adapter, controllers: [NotesController], warnings });
      const answers = [];
      for (const user of threeUsers) answers.push(...(await app.statuses('/notes', 1, as(user))));
      expect(answers).toEqual([200, 200, 429]);
    }
    expect(warnings).toEqual([
      'NotesController.list: all of its limits are charged in the guard, so users who are authenticated by a later guard are charged by address. ' +
        'Nest runs a function that was created after startup and has no metadata. Do not replace or bind the method in the constructor.',
    ]);
  });

  it('runs on wrappers to which instrumentation copies metadata', async () => {
    const { create } = RouterExecutionContext.prototype;
    RouterExecutionContext.prototype.create = function (
      this: RouterExecutionContext,
      ...args: Parameters<typeof create>
    ) {
      const [, callback] = args;
      const wrapper = function (this: unknown, ...passed: unknown[]) {
        return callback.apply(this, passed);
      };
      Object.defineProperty(wrapper, 'name', { value: callback.name });
      for (const key of Reflect.getMetadataKeys(callback)) {
        Reflect.defineMetadata(key, Reflect.getMetadata(key, callback), wrapper);
      }
      args[1] = wrapper;
      return create.apply(this, args);
    } as typeof create;
    try {
      @UseGuards(AuthGuard)
      @Throttle(limit)
      @Controller('notes')
      class NotesController {
        @Get() list(): string {
          return 'notes';
        }
      }
      const warnings: string[] = [];
      {
        await using app = await startApp({ adapter, controllers: [NotesController], warnings });
        for (const user of threeUsers) expect(await app.statuses('/notes', 3, as(user))).toEqual([200, 200, 429]);
      }
      expect(warnings).toEqual([]);
    } finally {
      RouterExecutionContext.prototype.create = create;
    }
  });

  it('does nothing if ThrottleGuard is not bound', async () => {
    @UseGuards(AuthGuard)
    @Controller()
    class NotesController {
      @Throttle(limit) @Get('free') free(): string {
        return 'free';
      }

      @UseGuards(ThrottleGuard) @Throttle(limit) @Get('limited') limited(): string {
        return 'limited';
      }
    }
    await using app = await startApp({ adapter, controllers: [NotesController], options: { guard: false } });
    expect(await app.statuses('/free', 3, as('ann'))).toEqual([200, 200, 200]);
    expect(await app.statuses('/limited', 3, as('ann'))).toEqual([200, 200, 429]);
  });
});

describe('an application without HTTP', () => {
  it('binds nothing', async () => {
    @Module({ imports: [ThrottleModule.forRoot({ default: limit })], controllers: [MixedController] })
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
    expect(interceptorsOf(MixedController, 'user')).toEqual([]);
    await app.close();
  });
});

describe.each(adapters)('the guard on %s', (adapter) => {
  /** The results of `canActivate`, one per request. */
  function watch(options: ThrottleModuleOptions = {}) {
    const returned: unknown[] = [];

    @Injectable()
    class WatchedGuard extends ThrottleGuard {
      override canActivate(context: ExecutionContext): ReturnType<ThrottleGuard['canActivate']> {
        const result = super.canActivate(context);
        returned.push(result);
        return result;
      }
    }
    const providers = [
      { provide: APP_GUARD, useClass: OptionalGuard },
      { provide: APP_GUARD, useClass: WatchedGuard },
    ];
    return { returned, providers, options: { guard: false, ...options } };
  }

  it.each([
    ['without limits by user', { ...limit, by: by.ip() }],
    ['with a user who is found', limit],
    ['with a user who is not found', limit],
    ['with a limit of the handler phase', { ...limit, by: by.ip(), phase: 'handler' }],
  ] as const)('returns a boolean on memory, %s', async (title, what) => {
    @Controller('notes')
    class NotesController {
      @Throttle(what) @Get() list(): string {
        return 'notes';
      }
    }
    const { returned, ...rest } = watch();
    await using app = await startApp({ adapter, controllers: [NotesController], ...rest });
    expect(await app.statuses('/notes', 2, title.includes('not found') ? as() : as('ann'))).toEqual([200, 200]);
    expect(returned).toEqual([true, true]);
  });

  it('looks up an existing user once, and calls the backend once', async () => {
    const memory = new MemoryBackend();
    const asked: string[] = [];
    const lookups: string[] = [];
    const backend = {
      spend: (...args: Parameters<typeof memory.spend>) => {
        asked.push('spend');
        return memory.spend(...args);
      },
      peek: (...args: Parameters<typeof memory.peek>) => {
        asked.push('peek');
        return memory.peek(...args);
      },
      settle: memory.settle.bind(memory),
      reset: memory.reset.bind(memory),
    };
    class CountingGuard extends OptionalGuard {
      override canActivate(context: ExecutionContext): boolean {
        const request = context.switchToHttp().getRequest();
        Object.defineProperty(request, 'user', {
          get: () => {
            lookups.push('user');
            return { id: 'ann' };
          },
        });
        return true;
      }
    }

    @Controller('notes')
    class NotesController {
      @Throttle([limit, { name: 'shared', rate: '9/min' }]) @Get() list(): string {
        return 'notes';
      }
    }
    const { providers, options } = watch({ backend });
    await using app = await startApp({
      adapter,
      controllers: [NotesController],
      providers: [{ provide: APP_GUARD, useClass: CountingGuard }, ...providers.slice(1)],
      options,
    });
    expect(await app.statuses('/notes', 1)).toEqual([200]);
    expect([asked, lookups]).toEqual([['spend'], ['user']]);
  });
});
