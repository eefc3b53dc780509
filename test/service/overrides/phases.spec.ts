import { describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type NestInterceptor,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { type Observable, of } from 'rxjs';
import { type By, by, type Call, type PolicyOptions, Throttle, ThrottleService } from '../../../src/index.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';
import { backends, useBackends } from '../handler-phase/backends.js';
import { AuthGuard, as, OptionalGuard, type UserRequest } from '../handler-phase/guards.js';

/** The role of the user, once it is known. */
const byRole: By = ({ request }: Call) => {
  const { user }: Partial<UserRequest> = Object(request);
  return user?.role && `role:${user.role}`;
};

/** Answers without the handler, as a cache does. */
@Injectable()
class CacheInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { headers } = context.switchToHttp().getRequest<UserRequest>();
    return headers['x-cached'] === undefined ? next.handle() : of('cached');
  }
}

const api = { rate: '2/h', strategy: 'fixed-window' } as const;

function controllers(guard: Type): Type[] {
  @UseInterceptors(CacheInterceptor)
  @UseGuards(guard)
  @Controller()
  class NotesController {
    @Throttle('api')
    @Get('notes')
    list(): string {
      return 'notes';
    }
  }
  return [NotesController];
}

const GOLD = { 'x-role': 'gold' };

describe.each(adapters)('overrides of what later guards find, on %s', (adapter) => {
  const redis = useBackends();

  const start = (overrides: PolicyOptions['overrides'], guard: Type, more: Partial<PolicyOptions> = {}) =>
    startApp({
      adapter,
      controllers: controllers(guard),
      options: { policies: { api: { ...api, by: by.user(), overrides, ...more } as PolicyOptions } },
    });

  it('apply from the first request on, in any order of guards', async () => {
    await using app = await start([by.user(), byRole], AuthGuard);
    const { overrides } = app.app.get(ThrottleService);
    await overrides.set('api', 'role:gold', '3/h');
    expect(limitHeaders(await app.send('/notes', as('ann', GOLD)))).toMatchObject({ ratelimit: '"api";r=2;t=3600' });
    expect(await app.statuses('/notes', 3, as('ann', GOLD))).toEqual([200, 200, 429]);
    expect(await app.statuses('/notes', 3, as('bob'))).toEqual([200, 200, 429]);
    await overrides.set('api', 'user:ann', '5/h');
    expect(await app.statuses('/notes', 3, as('ann', GOLD))).toEqual([200, 200, 429]);
  });

  it('deny no call in the guard at the rate of the policy', async () => {
    await using app = await start(byRole, OptionalGuard, { by: by.ip() });
    const { overrides } = app.app.get(ThrottleService);
    await overrides.set('api', 'role:gold', '6/h');
    expect(await app.statuses('/notes', 7, as('ann', GOLD))).toEqual([200, 200, 200, 200, 200, 200, 429]);
    // The address has used up its own budget.
    expect(await app.statuses('/notes', 1, as('bob'))).toEqual([429]);
  });

  it('charge the address for calls that a later guard refuses', async () => {
    await using app = await start(byRole, AuthGuard, { by: by.ip() });
    expect(await app.statuses('/notes', 3)).toEqual([401, 401, 429]);
    expect(await app.statuses('/notes', 1, as('ann'))).toEqual([429]);
  });

  it('charge the address for a response of an interceptor to a client without an override', async () => {
    await using app = await start(byRole, OptionalGuard, { by: by.ip() });
    const cached = { 'x-cached': '1' };
    expect(await app.statuses('/notes', 4, as('ann', { ...GOLD, ...cached }))).toEqual([200, 200, 200, 200]);
    expect(await app.statuses('/notes', 3, as(undefined, cached))).toEqual([200, 200, 429]);
  });

  it('apply in the guard if their subjects are known there', async () => {
    await using app = await start([by.header('x-key'), by.ip()], OptionalGuard, { by: by.ip() });
    const { overrides, subjectOf } = app.app.get(ThrottleService);
    await overrides.set('api', subjectOf.header('x-key', 'secret'), '4/h');
    await overrides.set('api', subjectOf.ip('127.0.0.1'), '3/h');
    expect(await app.statuses('/notes', 4)).toEqual([200, 200, 200, 429]);
    const keyed = { headers: { 'x-key': 'secret' } };
    expect(await app.statuses('/notes', 2, keyed)).toEqual([200, 429]);
  });

  it('write no header if they are unlimited', async () => {
    await using app = await start(true, AuthGuard);
    await app.app.get(ThrottleService).overrides.set('api', 'user:ann', 'unlimited');
    const answer = await app.send('/notes', as('ann'));
    expect([answer.status, limitHeaders(answer)]).toEqual([200, {}]);
    expect(await app.statuses('/notes', 5, as('ann'))).toEqual([200, 200, 200, 200, 200]);
  });

  it.each(backends)('apply to the next request of another application on the same backend: %s', async (name) => {
    const backend = redis.make(name);
    const options = { backend, policies: { api: { ...api, by: by.user(), overrides: [byRole] } } };
    await using app = await startApp({ adapter, controllers: controllers(AuthGuard), options });
    await using other = await startApp({ adapter, controllers: controllers(AuthGuard), options });
    expect(await app.statuses('/notes', 2, as('ann', GOLD))).toEqual([200, 200]);
    await other.app.get(ThrottleService).overrides.set('api', 'role:gold', '3/h');
    expect(await app.statuses('/notes', 2, as('ann', GOLD))).toEqual([200, 429]);
    await other.app.get(ThrottleService).overrides.set('api', 'role:gold', 'unlimited');
    expect(await app.statuses('/notes', 3, as('ann', GOLD))).toEqual([200, 200, 200]);
  });

  it('cause an error if a function returns something other than a subject', async () => {
    const errors: string[] = [];
    const found: unknown = 42;
    await using app = await startApp({
      adapter,
      errors,
      controllers: controllers(OptionalGuard),
      options: { policies: { api: { ...api, overrides: (() => found) as By } } },
    });
    expect(await app.statuses('/notes', 1)).toEqual([500]);
    expect(errors.join()).toContain(
      '@Throttle("api") on NotesController.list, overrides: expected a subject, a string, or null or undefined for nobody, got 42 (number)',
    );
  });
});
