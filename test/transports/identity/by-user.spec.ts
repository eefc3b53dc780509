import { describe, expect, it } from '@jest/globals';
import { type CanActivate, Controller, type ExecutionContext, Get, Injectable } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { by, Throttle, ThrottleGuard } from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';

interface UserRequest {
  readonly headers: Record<string, string | undefined>;
  user?: { readonly id: unknown };
}

@Controller()
class UserController {
  @Throttle('2/min', { by: by.user() })
  @Get('mine')
  mine(): string {
    return 'mine';
  }
}

const as = (user: string) => ({ headers: { 'x-user': user } });

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
      expect(await app.statuses('/mine', 3, as(kind))).toEqual([200, 200, 429]);
    }
    expect(await app.statuses('/mine', 1, as('same number'))).toEqual([429]);
    expect(await app.statuses('/mine', 1, as('same object id'))).toEqual([429]);
  });

  it.each(['plain object', 'fraction', 'not a number', 'truth', 'list', 'list of one', 'plain object without members'])(
    'rejects an id that is a %s',
    async (kind) => {
      await using app = await start();
      expect(await app.statuses('/mine', 3, as(kind))).toEqual([500, 500, 500]);
    },
  );

  it('charges the address of a caller without an id', async () => {
    await using app = await start();
    expect(await app.statuses('/mine', 2, as('empty'))).toEqual([200, 200]);
    expect(await app.statuses('/mine', 1, as('nothing'))).toEqual([429]);
    expect(await app.statuses('/mine', 1, as('empty object id'))).toEqual([429]);
    expect(await app.statuses('/mine', 1, as('unknown'))).toEqual([429]);
  });
});
