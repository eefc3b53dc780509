import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Scope,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { by, Throttle, ThrottleGuard } from '../../../src/index.js';
import { type AppOptions, adapters, startApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';
import { backends, useBackends } from './backends.js';
import { AuthGuard, as, ObservableGuard, PassportLikeGuard, ScopedGuard } from './guards.js';

const strategy = 'sliding-log';
const limit = { rate: '2/hour', strategy, by: by.user() } as const;

function controllers(onClass: Type<CanActivate>[], onMethod: Type<CanActivate>[], scope = Scope.DEFAULT): Type[] {
  @UseGuards(...onClass)
  @Controller({ scope })
  class NotesController {
    @UseGuards(...onMethod)
    @Throttle(limit)
    @Get('notes')
    list(): string {
      return 'notes';
    }
  }
  return [NotesController];
}

/** A controller without guards. */
const plain = (scope = Scope.DEFAULT): Type[] => {
  @Controller({ scope })
  class NotesController {
    @Throttle(limit)
    @Get('notes')
    list(): string {
      return 'notes';
    }
  }
  return [NotesController];
};

@Throttle(limit)
@UseGuards(AuthGuard)
@Controller('parents')
class ParentController {
  @Get() list(): string {
    return 'list';
  }
}

@Controller('notes')
class ChildController extends ParentController {}

const first = { provide: APP_GUARD, useClass: AuthGuard };
const ours = { provide: APP_GUARD, useClass: ThrottleGuard };

const orders: readonly (readonly [where: string, options: () => Omit<AppOptions, 'adapter'>])[] = [
  ['on the controller', () => ({ controllers: controllers([AuthGuard], []) })],
  ['on the method', () => ({ controllers: controllers([], [AuthGuard]) })],
  ['on both', () => ({ controllers: controllers([AuthGuard], [AuthGuard]) })],
  ['as an APP_GUARD', () => ({ controllers: plain(), providers: [first] })],
  [
    'as an APP_GUARD before ours',
    () => ({ controllers: plain(), providers: [first, ours], options: { guard: false } }),
  ],
  ['as an APP_GUARD after ours', () => ({ controllers: plain(), providers: [ours, first], options: { guard: false } })],
  [
    'by useGlobalGuards',
    () => ({ controllers: plain(), prepare: (app: INestApplication) => app.useGlobalGuards(new AuthGuard()) }),
  ],
  [
    'before ours on the controller',
    () => ({ controllers: controllers([AuthGuard, ThrottleGuard], []), options: { guard: false } }),
  ],
  [
    'after ours on the controller',
    () => ({ controllers: controllers([ThrottleGuard, AuthGuard], []), options: { guard: false } }),
  ],
  [
    'on the method, after ours on both',
    () => ({ controllers: controllers([ThrottleGuard], [ThrottleGuard, AuthGuard]) }),
  ],
  ['as those of passport', () => ({ controllers: controllers([PassportLikeGuard('jwt')], []) })],
  ['with an Observable', () => ({ controllers: controllers([], [ObservableGuard]) })],
  ['for each request', () => ({ controllers: controllers([ScopedGuard], []) })],
  [
    'as an APP_GUARD for each request',
    () => ({ controllers: plain(), providers: [{ provide: APP_GUARD, useClass: ScopedGuard }] }),
  ],
  ['on a controller for each request', () => ({ controllers: controllers([AuthGuard], [], Scope.REQUEST) })],
  ['on the class that the controller extends', () => ({ controllers: [ChildController, ParentController] })],
];

describe.each(adapters)('a limit by user, on %s', (adapter) => {
  const redis = useBackends();

  it.each(orders.flatMap(([where, options]) => backends.map((backend) => [where, backend, options] as const)))(
    'counts users of one address separately if they are authenticated %s (%s)',
    async (_where, backend, make) => {
      const { options, ...rest } = make();
      const warnings: string[] = [];
      {
        await using app = await startApp({
          adapter,
          warnings,
          ...rest,
          options: { backend: redis.make(backend), ...options },
        });
        for (const user of ['ann', 'ben', 'cat']) expect(await app.statuses('/notes', 1, as(user))).toEqual([200]);
        for (const user of ['ann', 'ben', 'cat']) expect(await app.statuses('/notes', 2, as(user))).toEqual([200, 429]);
      }
      expect(warnings).toEqual([]);
    },
  );

  it.each([
    ['a user id or an address', by.first(by.user(), by.ip())],
    ['a user id or a key', by.first(by.user(), by.header('x-api-key'))],
    ['a user id on each path', by.each(by.user(), by.path())],
    ['a user id, later', by.first(async () => null, by.user())],
    ['a nested user id', by.first(() => undefined, by.each(by.first(by.user())))],
  ])('counts %s', async (_title, who) => {
    @UseGuards(AuthGuard)
    @Controller()
    class NotesController {
      @Throttle({ ...limit, by: who })
      @Get('notes')
      list(): string {
        return 'notes';
      }
    }
    await using app = await startApp({ adapter, controllers: [NotesController] });
    for (const user of ['ann', 'ben', 'cat']) {
      expect(await app.statuses('/notes', 3, as(user, { 'x-api-key': 'shared' }))).toEqual([200, 200, 429]);
    }
    expect(await app.statuses('/notes', 5)).toEqual([401, 401, 429, 429, 429]);
  });

  it('charges the address if no guard finds a user', async () => {
    await using app = await startApp({ adapter, controllers: plain() });
    expect(await app.statuses('/notes', 3)).toEqual([200, 200, 429]);
    expect(await app.statuses('/notes', 3, as('ann'))).toEqual([429, 429, 429]);
  });

  it('charges the default of the module by user, and every other limit of the call once', async () => {
    @UseGuards(AuthGuard)
    @Controller()
    class NotesController {
      @Throttle({ name: 'each-address', rate: '5/hour', strategy })
      @Get('notes')
      list(): string {
        return 'notes';
      }
    }
    await using app = await startApp({ adapter, controllers: [NotesController], options: { default: limit } });
    const answer = await app.send('/notes', as('ann'));
    expect(answer.headers.ratelimit).toBe('"each-address";r=4;t=3600, "default";r=1;t=3600');
    expect(await app.statuses('/notes', 2, as('ann'))).toEqual([200, 429]);
    expect(await app.statuses('/notes', 4, as('ben'))).toEqual([200, 200, 429, 429]);
    expect((await app.send('/notes', as('cat'))).headers.ratelimit).toBe(
      '"each-address";r=0;t=3600, "default";r=1;t=3600',
    );
    expect(await app.statuses('/notes', 1, as('dan'))).toEqual([429]);
  });
});

describe('a guard that assigns other raw headers to a request of Express', () => {
  class RewritingGuard extends AuthGuard {
    override canActivate(context: ExecutionContext): boolean {
      const request = context.switchToHttp().getRequest<IncomingMessage>();
      request.rawHeaders = [...request.rawHeaders];
      return super.canActivate(context);
    }
  }

  it('hides the call from the handler phase, and a warning names the handler once', async () => {
    const warnings: string[] = [];
    await using app = await startApp({ adapter: 'express', warnings, controllers: controllers([RewritingGuard], []) });
    expect(await app.statuses('/notes', 3, as('ann'))).toEqual([200, 200, 200]);
    await until(() => warnings.length > 0);
    await app.statuses('/notes', 1, as('ann'));
    expect(warnings).toEqual([
      expect.stringMatching(/^NotesController\.list: limits by user were not charged, .* request\.rawHeaders/),
    ]);
  });
});
