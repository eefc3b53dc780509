import { describe, expect, it } from '@jest/globals';
import { type CanActivate, Controller, type ExecutionContext, Get, Injectable, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { by, Throttle, ThrottleGuard } from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';

interface UserRequest {
  readonly headers: Record<string, string | undefined>;
  user?: { readonly id: unknown };
  account?: { readonly key: { readonly name: string } };
}

/** Finds the user, if the request names one. */
@Injectable()
class AuthGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<UserRequest>();
    const id = request.headers['x-user'];
    if (id !== undefined) {
      request.user = { id };
      request.account = { key: { name: id } };
    }
    return true;
  }
}

@Controller()
class UserController {
  @UseGuards(AuthGuard)
  @Throttle('2/min', { by: by.user() })
  @Get('late')
  late(): string {
    return 'late';
  }

  @UseGuards(AuthGuard)
  @Throttle('9/min', { by: by.first(by.user('account.key.name'), by.header('x-api-key')) })
  @Get('nested')
  nested(): string {
    return 'nested';
  }

  @UseGuards(AuthGuard)
  @Throttle('9/min')
  @Get('by-address')
  byAddress(): string {
    return 'by address';
  }
}

const fix =
  'found nobody in the guard, and there was a user when the answer was sent: the address was charged. ' +
  'Bind ThrottleGuard after the guard that authenticates: forRoot({ guard: false }), then { provide: APP_GUARD, useClass: ThrottleGuard } behind it.';
const as = (user: string) => ({ headers: { 'x-user': user } });

describe.each(adapters)('a user who is authenticated after the guard, on %s', (adapter) => {
  const controllers = [UserController];

  it('is charged by address, with one warning for each handler that says how to fix it', async () => {
    const warnings: string[] = [];
    {
      await using app = await startApp({ adapter, controllers, warnings });
      expect((await app.send('/late', as('ann'))).status).toBe(200);
      expect((await app.send('/late', as('ben'))).status).toBe(200);
      expect((await app.send('/late', as('cat'))).status).toBe(429);
      await app.statuses('/nested', 3, as('ann'));
    }
    expect(warnings).toEqual([
      `UserController.late: by.user('user.id') ${fix}`,
      `UserController.nested: by.user('account.key.name') ${fix}`,
    ]);
  });

  it('causes no warning if there is no user at all, or no limit by user', async () => {
    const warnings: string[] = [];
    {
      await using app = await startApp({ adapter, controllers, warnings });
      expect(await app.statuses('/late', 3)).toEqual([200, 200, 429]);
      expect(await app.statuses('/nested', 2)).toEqual([200, 200]);
      expect(await app.statuses('/by-address', 2, as('ann'))).toEqual([200, 200]);
    }
    expect(warnings).toEqual([]);
  });

  it('causes no warning if the guard that authenticates comes first', async () => {
    const warnings: string[] = [];
    {
      await using app = await startApp({
        adapter,
        controllers,
        warnings,
        providers: [
          { provide: APP_GUARD, useClass: AuthGuard },
          { provide: APP_GUARD, useClass: ThrottleGuard },
        ],
        options: { guard: false },
      });
      expect(await app.statuses('/late', 3, as('ann'))).toEqual([200, 200, 429]);
      expect(await app.statuses('/late', 3, as('ben'))).toEqual([200, 200, 429]);
      expect(await app.statuses('/nested', 2, as('ann'))).toEqual([200, 200]);
      expect(await app.statuses('/late', 3)).toEqual([200, 200, 429]);
    }
    expect(warnings).toEqual([]);
  });
});

/** An id that writes itself as a text. */
class ObjectId {
  constructor(private readonly hex: string) {}

  toString(): string {
    return this.hex;
  }
}

const users: Readonly<Record<string, unknown>> = {
  number: 42,
  'same number': 42,
  'other number': 43,
  zero: 0,
  bigint: 44n,
  text: 'ann',
  'object id': new ObjectId('65a1'),
  'same object id': new ObjectId('65a1'),
  'other object id': new ObjectId('65a2'),
  'plain object': { id: 42 },
  fraction: 1.5,
  'not a number': Number.NaN,
  truth: true,
  list: [],
  'list of one': ['ann'],
  'plain object without members': {},
  empty: '',
  'empty object id': new ObjectId(''),
  nothing: null,
};

/** Sets a user whose id is of the kind that the request names. */
@Injectable()
class KindGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<UserRequest>();
    request.user = { id: users[request.headers['x-user'] ?? ''] };
    return true;
  }
}

describe.each(adapters)('by.user() on %s', (adapter) => {
  const start = () =>
    startApp({
      adapter,
      controllers: [UserController],
      providers: [
        { provide: APP_GUARD, useClass: KindGuard },
        { provide: APP_GUARD, useClass: ThrottleGuard },
      ],
      options: { guard: false },
    });

  it('distinguishes users by their ids as strings', async () => {
    await using app = await start();
    for (const kind of ['number', 'other number', 'zero', 'bigint', 'text', 'object id', 'other object id']) {
      expect(await app.statuses('/late', 3, as(kind))).toEqual([200, 200, 429]);
    }
    expect(await app.statuses('/late', 1, as('same number'))).toEqual([429]);
    expect(await app.statuses('/late', 1, as('same object id'))).toEqual([429]);
  });

  it.each(['plain object', 'fraction', 'not a number', 'truth', 'list', 'list of one', 'plain object without members'])(
    'rejects an id that is a %s',
    async (kind) => {
      await using app = await start();
      expect(await app.statuses('/late', 3, as(kind))).toEqual([500, 500, 500]);
    },
  );

  it('charges the address of a caller without an id', async () => {
    await using app = await start();
    expect(await app.statuses('/late', 2, as('empty'))).toEqual([200, 200]);
    expect(await app.statuses('/late', 1, as('nothing'))).toEqual([429]);
    expect(await app.statuses('/late', 1, as('empty object id'))).toEqual([429]);
    expect(await app.statuses('/late', 1, as('unknown'))).toEqual([429]);
  });
});
