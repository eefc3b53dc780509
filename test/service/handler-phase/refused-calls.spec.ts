import { request as openRequest, type ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Get,
  Injectable,
  type NestInterceptor,
  type Type,
  UnauthorizedException,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type { Observable } from 'rxjs';
import { of } from 'rxjs';
import { by, EXEMPT, type PolicyOptions, Throttle, type ThrottleEvent, ThrottleService } from '../../../src/index.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp, type TestApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';
import { backends, useBackends } from './backends.js';
import { AuthGuard, as, OptionalGuard, type UserRequest } from './guards.js';

const strategy = 'sliding-log';
const limit = { rate: '2/hour', strategy, by: by.user() } as const;

/** Never finds a subject. */
@Injectable()
class RefusingGuard implements CanActivate {
  canActivate(): boolean {
    throw new UnauthorizedException();
  }
}

/** Responds by itself, as CacheInterceptor does, or refuses, if the request says so. */
@Injectable()
class EarlyInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const early = context.switchToHttp().getRequest<UserRequest>().headers['x-early'];
    if (early === 'refuse') throw new ForbiddenException();
    return early === 'respond' ? of('early') : next.handle();
  }
}

const early = (what: string) => ({ 'x-early': what });

describe.each(adapters)('a call that ends before the handler phase, on %s', (adapter) => {
  const redis = useBackends();

  function start(
    what: PolicyOptions,
    guard: Type<CanActivate> = AuthGuard,
    backend: (typeof backends)[number] = 'memory',
  ) {
    @UseInterceptors(EarlyInterceptor)
    @Controller()
    class NotesController {
      @UseGuards(guard)
      @Throttle(what)
      @Get('notes')
      list(): string {
        return 'notes';
      }
    }
    return startApp({
      adapter,
      controllers: [NotesController],
      ...(backend === 'redis' && { options: { backend: redis.make(backend) } }),
    });
  }

  it.each(backends)('is charged to the address if a later guard refused it (%s)', async (backend) => {
    await using app = await start(limit, RefusingGuard, backend);
    expect(await app.statuses('/notes', 5)).toEqual([401, 401, 429, 429, 429]);
    expect(await app.statuses('/notes', 1, as('ann'))).toEqual([429]);
  });

  it.each(
    backends.flatMap((backend) => [
      { backend, after: 1, reasons: ['blocked', 'blocked', 'blocked', 'blocked'] },
      { backend, after: 3, reasons: ['rate', 'rate', 'blocked', 'blocked'] },
    ]),
  )('is blocked by denial $after of its address ($backend)', async ({ backend, after, reasons }) => {
    await using app = await start({ ...limit, name: 'api', block: { for: '2h', after } }, RefusingGuard, backend);
    const events: ThrottleEvent[] = [];
    app.app.get(ThrottleService).events$.subscribe((event) => events.push(event));
    const found: unknown[] = [];
    for (let i = 0; i < 6; i++) found.push((await app.send('/notes')).body.reason);
    expect(found).toEqual([undefined, undefined, ...reasons]);
    expect(events.filter(({ type }) => type === 'blocked')).toMatchObject([{ forMs: 7_200_000, strikes: 1 }]);
    // The window of the limit is over, and the block is not.
    app.clock.advance(3_600_000);
    expect((await app.send('/notes')).body.reason).toBe('blocked');
  });

  it('is blocked, with an event, if its address is denied when the calls have ended', async () => {
    // All of them pass the guard before the first one is charged.
    const waiting: (() => void)[] = [];
    const guard = class implements CanActivate {
      async canActivate(): Promise<boolean> {
        await new Promise<void>((resolve) => waiting.push(resolve));
        throw new UnauthorizedException();
      }
    };
    await using app = await start({ ...limit, block: { for: '2h', after: 3 } }, guard);
    const events: ThrottleEvent[] = [];
    app.app.get(ThrottleService).events$.subscribe((event) => events.push(event));
    const sent = Array.from({ length: 5 }, () => app.send('/notes'));
    await until(() => waiting.length === 5);
    for (const go of waiting.splice(0)) go();
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
    await until(() => events.some(({ type }) => type === 'blocked'));
    expect((await app.send('/notes')).body.reason).toBe('blocked');
    expect(events.filter(({ type }) => type === 'blocked')).toHaveLength(1);
  });

  it.each([
    ['at a cost', { ...limit, cost: 2 }, [401, 429, 429]],
    ['at a cost that is a function', { ...limit, rate: '3/hour', cost: () => 2 }, [401, 429, 429]],
    ['under a rate that is a function', { ...limit, rate: () => '2/hour' }, [401, 401, 429]],
    ['under several rates, each by itself', { ...limit, rate: '2/s; 3/hour', name: 'api' }, [401, 401, 429]],
    ['under a skip that says no', { ...limit, skip: async () => false }, [401, 401, 429]],
    ['in a bucket', { ...limit, strategy: 'token-bucket' }, [401, 401, 429]],
    ['with a key of its own choice', { ...limit, by: by.first(by.user(), by.header('x-key')) }, [401, 401, 429]],
  ])('is charged %s', async (_title, what: PolicyOptions, expected) => {
    await using app = await start(what);
    for (const [i, status] of expected.entries()) {
      expect((await app.send('/notes', as(undefined, { 'x-key': `key${i}` }))).status).toBe(status);
    }
  });

  it('is charged to each rate separately, even if another rate is used up in the meantime', async () => {
    await using app = await start({ ...limit, strategy: 'fixed-window', rate: '1/s; 3/hour' });
    for (const expected of [401, 401, 401, 429]) {
      app.clock.advance(1000);
      expect(await app.statuses('/notes', 1)).toEqual([expected]);
    }
  });

  it.each([
    ['skipped', { ...limit, skip: () => true }],
    ['exempt', { ...limit, by: by.first(by.user(), () => EXEMPT) }],
    ['free', { ...limit, cost: () => 0 }],
    ['unlimited', { ...limit, rate: () => 'unlimited' }],
    ['of a policy that is not automatic', { ...limit, manual: true }],
  ])('is charged nothing if it is %s', async (_title, what: PolicyOptions) => {
    await using app = await start(what);
    expect(await app.statuses('/notes', 4)).toEqual([401, 401, 401, 401]);
  });

  it('has the remaining units of the address and the wait in its headers', async () => {
    await using app = await start({ ...limit, strategy: 'fixed-window', rate: '2/min' });
    expect(limitHeaders(await app.send('/notes'))).toEqual({
      'ratelimit-policy': '"default";q=2;w=60',
      ratelimit: '"default";r=1;t=60',
    });
    app.clock.advance(10_000);
    expect((await app.send('/notes')).headers.ratelimit).toBe('"default";r=0;t=50');
    const denied = await app.send('/notes');
    expect(limitHeaders(denied)).toEqual({
      'ratelimit-policy': '"default";q=2;w=60',
      ratelimit: '"default";r=0;t=50',
      'retry-after': '50',
      'cache-control': 'no-store',
    });
    expect(denied.body).toMatchObject({ statusCode: 429, policy: 'default', retryAfter: 50 });
    app.clock.advance(50_000);
    expect(await app.statuses('/notes', 1)).toEqual([401]);
  });

  it('emits an event if the guard denies it', async () => {
    await using app = await start(limit);
    const events: ThrottleEvent[] = [];
    app.app.get(ThrottleService).events$.subscribe((event) => events.push(event));
    await app.statuses('/notes', 3);
    expect(events).toMatchObject([
      { type: 'denied', handler: 'NotesController.list', charges: [{ subject: 'ip:127.0.0.1', cost: 1 }] },
    ]);
  });

  it.each(backends)('takes nothing from other limits if the address has used up its budget (%s)', async (backend) => {
    const shared = { name: 'shared', rate: '4/hour', strategy, by: by.all(), scope: { group: 'shared' } } as const;

    @Controller()
    class NotesController {
      @UseGuards(AuthGuard)
      @Throttle([limit, shared])
      @Get('notes')
      list(): string {
        return 'notes';
      }

      @Throttle(shared)
      @Get('shared')
      shared(): string {
        return 'shared';
      }
    }
    await using app = await startApp({
      adapter,
      controllers: [NotesController],
      options: { backend: redis.make(backend) },
    });
    expect(await app.statuses('/notes', 2)).toEqual([401, 401]);
    const denied = await app.send('/notes');
    expect(denied.status).toBe(429);
    expect(denied.headers.ratelimit).toMatch(/^"shared";r=2;t=\d+, "default";r=0;t=\d+$/);
    expect(await app.statuses('/notes', 3)).toEqual([429, 429, 429]);
    expect((await app.send('/shared')).headers.ratelimit).toMatch(/^"shared";r=1;t=\d+$/);
  });

  it('is charged nothing if another limit denied it', async () => {
    @UseGuards(AuthGuard)
    @Controller()
    class NotesController {
      @Throttle([limit, { name: 'shared', rate: '1/min', strategy: 'fixed-window', by: by.all() }])
      @Get('notes')
      list(): string {
        return 'notes';
      }
    }
    await using app = await startApp({ adapter, controllers: [NotesController] });
    expect(await app.statuses('/notes', 4)).toEqual([401, 429, 429, 429]);
    app.clock.advance(60_000);
    expect(await app.statuses('/notes', 2)).toEqual([401, 429]);
    app.clock.advance(60_000);
    expect((await app.send('/notes')).body).toMatchObject({ statusCode: 429, policy: 'default' });
  });

  it('is charged to the address if an interceptor refuses it', async () => {
    await using app = await start(limit);
    expect(await app.statuses('/notes', 3, as('ann', early('refuse')))).toEqual([403, 403, 429]);
    expect(await app.statuses('/notes', 1)).toEqual([429]);
  });

  it('is charged by the guard only if an interceptor responds to a known user', async () => {
    await using app = await start(limit);
    expect(await app.statuses('/notes', 4, as('ann', early('respond')))).toEqual([200, 200, 200, 200]);
    expect(await app.statuses('/notes', 3, as('ann'))).toEqual([200, 200, 429]);
  });

  it('is charged to the address if an interceptor responds to an unknown user', async () => {
    await using app = await start(limit, OptionalGuard);
    expect(await app.statuses('/notes', 3, as(undefined, early('respond')))).toEqual([200, 200, 429]);
  });
});

describe.each(adapters)('a client that leaves before the handler phase, on %s', (adapter) => {
  /** Holds requests in a guard until they are released, as users or as anonymous. */
  function start() {
    const held: ((isKnown: boolean) => void)[] = [];
    const left: unknown[] = [];
    const ran: string[] = [];

    @Injectable()
    class HoldingGuard implements CanActivate {
      async canActivate(context: ExecutionContext): Promise<boolean> {
        const request = context.switchToHttp().getRequest<UserRequest>();
        if (request.headers['x-hold'] === undefined) return new AuthGuard().canActivate(context);
        const response: { readonly raw?: ServerResponse } & ServerResponse = context.switchToHttp().getResponse();
        (response.raw ?? response).once('close', () => left.push(request));
        const isKnown = await new Promise<boolean>((resolve) => held.push(resolve));
        if (isKnown) request.user = { id: 'ann' };
        return isKnown;
      }
    }

    @UseGuards(HoldingGuard)
    @Controller()
    class NotesController {
      @Throttle(limit)
      @Get('notes')
      list(): string {
        ran.push('list');
        return 'notes';
      }
    }
    return { held, left, ran, controllers: [NotesController] };
  }

  /** Sends a request that is held, and leaves. */
  async function leave(app: TestApp, { held, left }: ReturnType<typeof start>): Promise<void> {
    const [before, gone] = [held.length, left.length];
    const sent = openRequest({ host: '127.0.0.1', port: app.port, path: '/notes', headers: { 'x-hold': '1' } });
    sent.on('error', () => {});
    sent.end();
    await until(() => held.length === before + 1);
    sent.destroy();
    await until(() => left.length === gone + 1);
  }

  it('is charged to the address', async () => {
    const handlers = start();
    await using app = await startApp({ adapter, controllers: handlers.controllers });
    await leave(app, handlers);
    expect(await app.statuses('/notes', 1, as('ann'))).toEqual([200]);
    await leave(app, handlers);
    expect(await app.statuses('/notes', 1, as('ann'))).toEqual([429]);
    for (const release of handlers.held) release(false);
    expect(await app.statuses('/notes', 1)).toEqual([429]);
  });

  it('is charged to the user instead of the address if the guards let the call pass', async () => {
    const handlers = start();
    await using app = await startApp({ adapter, controllers: handlers.controllers });
    await leave(app, handlers);
    await leave(app, handlers);
    for (const release of handlers.held) release(true);
    await until(() => handlers.ran.length === 2);
    expect(await app.statuses('/notes', 1, as('ann'))).toEqual([429]);
    expect(await app.statuses('/notes', 3)).toEqual([401, 401, 429]);
  });
});
