import { describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type NestInterceptor,
  UnauthorizedException,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { type Observable, of } from 'rxjs';
import { by, type Call, type PlanOf, type PolicyOptions, Throttle } from '../../../src/index.js';
import { type AdapterName, adapters, startApp, type TestApp } from '../../support/http-app.js';

const strategy = 'fixed-window';

interface Client {
  plan?: string;
}

/** Finds the plan of a client, as a guard that authenticates does. */
@Injectable()
class PlanGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context
      .switchToHttp()
      .getRequest<{ headers: Record<string, string | undefined>; client?: Client }>();
    const { 'x-plan': plan, 'x-refuse': refuse } = request.headers;
    if (refuse !== undefined) throw new UnauthorizedException();
    request.client = { ...(plan !== undefined && { plan }) };
    return true;
  }
}

@Injectable()
class CacheInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return headers['x-cached'] === undefined ? next.handle() : of('cached');
  }
}

const planOf: PlanOf = ({ request }) => {
  const client: Client | undefined = Reflect.get(Object(request), 'client');
  return client?.plan;
};

const tiers = { free: { api: '2/h' }, pro: { api: '5/h' }, enterprise: { api: 'unlimited' } } as const;

function start(
  adapter: AdapterName,
  {
    policy = {},
    find = planOf,
    warnings,
  }: { policy?: Partial<PolicyOptions>; find?: PlanOf; warnings?: string[] } = {},
): Promise<TestApp> {
  @UseInterceptors(CacheInterceptor)
  @UseGuards(PlanGuard)
  @Controller()
  class ApiController {
    @Throttle('api')
    @Get('api')
    api(): string {
      return 'api';
    }

    @Throttle([{ rate: '10/h', name: 'all', strategy, by: by.all() }, 'api'])
    @Get('both')
    both(): string {
      return 'both';
    }
  }
  return startApp({
    adapter,
    controllers: [ApiController],
    ...(warnings && { warnings }),
    options: {
      policies: { api: { rate: '1/h', strategy, ...policy } },
      plans: { of: find, default: 'free', tiers },
    },
  });
}

const as = (plan?: string, headers: Record<string, string> = {}) => ({
  headers: { ...headers, ...(plan !== undefined && { 'x-plan': plan }) },
});
const refused = { headers: { 'x-refuse': '1' } };

describe.each(adapters)('a plan that a later guard finds, on %s', (adapter) => {
  it('sets the rate, and no call is denied at the rate of the default plan', async () => {
    await using app = await start(adapter);
    expect(await app.statuses('/api', 6, as('pro'))).toEqual([200, 200, 200, 200, 200, 429]);
    const { headers } = await app.send('/api', as('pro'));
    expect([headers.ratelimit, headers['ratelimit-policy']]).toEqual(['"api";r=0;t=3600', '"api";q=5;w=3600']);
  });

  it('is the default one after all guards, if there is none', async () => {
    await using app = await start(adapter);
    expect(await app.statuses('/api', 3, as())).toEqual([200, 200, 429]);
    expect(await app.statuses('/api', 4, as('pro'))).toEqual([200, 200, 200, 429]);
  });

  it('may be unlimited', async () => {
    await using app = await start(adapter);
    expect(await app.statuses('/api', 20, as('enterprise'))).toEqual(new Array(20).fill(200));
    expect((await app.send('/api', as('enterprise'))).headers.ratelimit).toBeUndefined();
  });

  it('denies the whole call, whose charges in the guard are refunded', async () => {
    await using app = await start(adapter);
    expect(await app.statuses('/both', 4, as('free'))).toEqual([200, 200, 429, 429]);
    const { headers } = await app.send('/both', as('pro'));
    expect(headers.ratelimit).toBe('"all";r=7;t=3600, "api";r=2;t=3600');
    expect((await app.send('/both', as('enterprise'))).headers.ratelimit).toBe('"all";r=6;t=3600');
  });

  it('is the default one for calls that a guard refuses, which count separately by address', async () => {
    await using app = await start(adapter);
    expect(await app.statuses('/api', 3, as('pro'))).toEqual([200, 200, 200]);
    expect(await app.statuses('/api', 4, refused)).toEqual([401, 401, 429, 429]);
    expect(await app.statuses('/api', 1, as('pro'))).toEqual([429]);
    app.clock.advance(3_600_000);
    expect(await app.statuses('/api', 6, as('pro'))).toEqual([200, 200, 200, 200, 200, 429]);
  });

  it('charges nothing for a response of an interceptor to a client with a plan', async () => {
    await using app = await start(adapter);
    expect(await app.statuses('/api', 4, as('pro', { 'x-cached': '1' }))).toEqual([200, 200, 200, 200]);
    expect(await app.statuses('/api', 5, as('pro'))).toEqual([200, 200, 200, 200, 200]);
    expect(await app.statuses('/api', 3, as(undefined, { 'x-cached': '1' }))).toEqual([200, 200, 429]);
  });

  it('is the default one for a response of an interceptor to a client without a plan', async () => {
    await using app = await start(adapter, { policy: { by: by.ip() } });
    const cached = { 'x-cached': '1' };
    expect(await app.statuses('/api', 4, as('pro', cached))).toEqual([200, 200, 200, 200]);
    expect(await app.statuses('/api', 3, as(undefined, cached))).toEqual([200, 200, 429]);
  });

  it('is looked up again after a function that throws in the guard phase', async () => {
    const warnings: string[] = [];
    // The usual mistake: there is no client yet when the guard of the module runs.
    const find = ({ request }: Call) => Reflect.get(Object(Reflect.get(Object(request), 'client') ?? never()), 'plan');
    const never = () => {
      throw new TypeError('there is no client');
    };
    await using app = await start(adapter, { find, warnings });
    expect(await app.statuses('/api', 6, as('pro'))).toEqual([200, 200, 200, 200, 200, 429]);
    expect(warnings).toEqual([]);
  });

  it('may be returned by a promise', async () => {
    await using app = await start(adapter, { find: async (call) => planOf(call) });
    expect(await app.statuses('/api', 6, as('pro'))).toEqual([200, 200, 200, 200, 200, 429]);
    expect(await app.statuses('/api', 4, refused)).toEqual([401, 401, 429, 429]);
  });

  it('is not awaited with phase: "guard"', async () => {
    await using app = await start(adapter, { policy: { phase: 'guard' } });
    expect(await app.statuses('/api', 3, as('pro'))).toEqual([200, 200, 429]);
  });

  it('is looked up only in the handler phase with phase: "handler"', async () => {
    const asked: unknown[] = [];
    const find: PlanOf = (call) => {
      asked.push(Reflect.get(Object(call.request), 'client'));
      return planOf(call);
    };
    await using app = await start(adapter, { policy: { phase: 'handler' }, find });
    expect(await app.statuses('/api', 6, as('pro'))).toEqual([200, 200, 200, 200, 200, 429]);
    expect(asked).toEqual(new Array(6).fill({ plan: 'pro' }));
    expect(await app.statuses('/api', 3, refused)).toEqual([401, 401, 429]);
  });
});

describe.each(adapters)('a limit by user under plans, on %s', (adapter) => {
  /** Finds the user; and the plan, unless `of` finds it by the user. */
  @Injectable()
  class UserGuard implements CanActivate {
    canActivate(context: ExecutionContext): boolean {
      const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: object }>();
      const { 'x-user': id } = request.headers;
      if (id === undefined) throw new UnauthorizedException();
      request.user = { id };
      return true;
    }
  }

  @UseGuards(UserGuard)
  @Controller()
  class ApiController {
    @Throttle('api')
    @Get('api')
    api(): string {
      return 'api';
    }
  }

  const from = (user: string) => ({ headers: { 'x-user': user } });

  it('calls an asynchronous function once for 50 concurrent calls of a user, after all guards', async () => {
    const asked: unknown[] = [];
    const release: (() => void)[] = [];
    const billing: PlanOf = async ({ request }) => {
      const id: unknown = Reflect.get(Object(request?.user), 'id');
      asked.push(id);
      await new Promise<void>((resolve) => release.push(resolve));
      return id === 'ann' ? 'pro' : undefined;
    };
    await using app = await startApp({
      adapter,
      controllers: [ApiController],
      options: {
        policies: { api: { rate: '1/h', strategy, by: by.user() } },
        plans: { of: billing, default: 'free', tiers: { ...tiers, pro: { api: '60/h' } } },
      },
    });
    const first = app.send('/api', from('ann'));
    while (release.length === 0) await new Promise(setImmediate);
    const others = Promise.all(Array.from({ length: 49 }, () => app.send('/api', from('ann'))));
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    for (const open of release) open();
    const statuses = [await first, ...(await others)].map(({ status }) => status);
    expect([statuses, asked]).toEqual([new Array(50).fill(200), ['ann']]);
    const ben = app.send('/api', from('ben'));
    while (release.length === 1) await new Promise(setImmediate);
    for (const open of release) open();
    expect((await ben).headers['ratelimit-policy']).toBe('"api";q=2;w=3600');
    expect(await app.statuses('/api', 2, from('ben'))).toEqual([200, 429]);
    expect(await app.statuses('/api', 11, from('ann'))).toEqual([...new Array(10).fill(200), 429]);
    expect(asked).toEqual(['ann', 'ben']);
    // The user is unknown: no plan is looked up, and the address is charged under the default one.
    expect(await app.statuses('/api', 3)).toEqual([401, 401, 429]);
    expect(asked).toEqual(['ann', 'ben']);
  });
});
