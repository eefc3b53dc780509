import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Controller, type ExecutionContext, Get, Inject, UnauthorizedException, UseGuards } from '@nestjs/common';
import { type By, by, type Call, type PolicyOptions, Throttle, ThrottleService } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';

const strategy = 'fixed-window';

/** A user's function that counts its calls. */
class Counted {
  asked = 0;

  constructor(private readonly answer: By) {}

  readonly by: By = (call) => {
    this.asked += 1;
    return this.answer(call);
  };
}

const tenant: By = ({ request }) => `tenant:${String(request?.headers['x-tenant'])}`;
const acme = { headers: { 'x-tenant': 'acme' } };

describe.each(adapters)('a function `by` that several limits share, on %s', (adapter) => {
  const startWith = (limits: readonly PolicyOptions[], policies: Record<string, PolicyOptions> = {}) => {
    @Controller()
    class SharedController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Throttle(limits) @Get('list') list() {}

      @Throttle(['minutely', 'daily']) @Get('named') named() {}

      @Get('by-hand')
      async byHand() {
        await this.throttle.hit([{ policy: 'minutely' }, { policy: 'daily', cost: 2 }]);
      }
    }
    const known = { minutely: '9/min', daily: '9/day', ...policies };
    return startApp({ adapter, controllers: [SharedController], options: { policies: known } });
  };

  it.each<[string, By]>([
    ['at once', tenant],
    ['asynchronously', async (call) => setImmediate(await tenant(call))],
    // biome-ignore lint/suspicious/noThenProperty: a function may return any thenable
    ['by a thenable', (call) => ({ then: (resolve: (found: unknown) => void) => resolve(tenant(call)) }) as never],
  ])('is called once per call if it returns %s', async (_, answer) => {
    const counted = new Counted(answer);
    const limits = [
      { rate: '2/min', strategy, name: 'minutely-too', by: counted.by },
      { rate: '9/h; 99/day', strategy, name: 'hourly', by: counted.by },
      { rate: '9/day', strategy, name: 'weighted', cost: 2, by: counted.by },
    ];
    await using app = await startWith(limits);
    expect((await app.send('/list', acme)).headers.ratelimit).toBe(
      '"minutely-too";r=1;t=60, "hourly-1h";r=8;t=3600, "hourly-1d";r=98;t=86400, "weighted";r=7;t=86400',
    );
    expect(counted.asked).toBe(1);
    expect(await app.statuses('/list', 2, acme)).toEqual([200, 429]);
    expect(counted.asked).toBe(3);
    expect(await app.statuses('/list', 1, { headers: { 'x-tenant': 'other' } })).toEqual([200]);
  });

  it('is called once for policies of the module, of a handler and by hand', async () => {
    const counted = new Counted(tenant);
    const policies = {
      minutely: { rate: '9/min', strategy, by: counted.by },
      daily: { rate: '9/day', strategy, by: counted.by },
    };
    await using app = await startWith([{ rate: '1/s' }], policies);
    for (const path of ['/named', '/by-hand']) {
      counted.asked = 0;
      expect(await app.statuses(path, 1, acme)).toEqual([200]);
      expect(counted.asked).toBe(1);
    }
  });

  it('is called for each context that it receives', async () => {
    const seen: unknown[] = [];
    const find = ({ context }: Call) => {
      seen.push(context.plan);
      return `plan:${String(context.plan)}`;
    };
    const free = { plan: 'free' };
    await using app = await startWith([
      { rate: '9/min', name: 'a', by: find, context: free },
      { rate: '9/min', name: 'b', by: find, context: { plan: 'pro' } },
      { rate: '9/min', name: 'c', by: find, context: free },
      { rate: '9/min', name: 'd', by: find },
      { rate: '9/min', name: 'e', by: find, context: {} },
    ]);
    expect(await app.statuses('/list', 1)).toEqual([200]);
    expect(seen).toEqual(['free', 'pro', undefined]);
  });

  it('that fails, fails the call once', async () => {
    for (const fail of [
      () => {
        throw new UnauthorizedException();
      },
      async () => {
        await setImmediate();
        throw new UnauthorizedException();
      },
    ]) {
      const counted = new Counted(fail);
      await using app = await startWith([
        { rate: '9/min', name: 'a', by: counted.by },
        { rate: '9/min', name: 'b', by: counted.by },
      ]);
      expect(await app.statuses('/list', 1)).toEqual([401]);
      expect(counted.asked).toBe(1);
    }
  });

  it('is not called by a skipped limit', async () => {
    const counted = new Counted(tenant);
    await using app = await startWith([
      { rate: '1/min', name: 'a', by: counted.by, skip: () => true },
      { rate: '1/min', name: 'b', by: counted.by, skip: async () => true },
    ]);
    expect(await app.statuses('/list', 2)).toEqual([200, 200]);
    expect(counted.asked).toBe(0);
  });

  it('that looks for a user is called once in each phase, with one result for all limits', async () => {
    const asked: string[] = [];
    const counted = by.first(by.user(), ({ execution, response }) => {
      asked.push(execution === undefined && response === undefined ? 'nowhere' : 'address');
      return null;
    });
    const authenticate = {
      canActivate(context: ExecutionContext): boolean {
        const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: { id: string } }>();
        if (request.headers['x-user'] !== undefined) request.user = { id: request.headers['x-user'] };
        return true;
      },
    };

    @UseGuards(authenticate)
    @Throttle([
      { rate: '2/min', strategy, name: 'a', by: counted },
      { rate: '3/min', strategy, name: 'b', by: counted },
    ])
    @Controller()
    class UserController {
      @Get('mine') mine() {}
    }
    await using app = await startApp({ adapter, controllers: [UserController] });
    const ann = { headers: { 'x-user': 'ann' } };
    const ben = { headers: { 'x-user': 'ben' } };
    expect((await app.send('/mine', ann)).headers.ratelimit).toBe('"a";r=1;t=60, "b";r=2;t=60');
    // In the guard the user is not known yet; in the handler phase it is ann.
    expect(asked).toEqual(['address']);
    expect(await app.statuses('/mine', 2, ann)).toEqual([200, 429]);
    expect(await app.statuses('/mine', 2, ben)).toEqual([200, 200]);
    asked.length = 0;
    expect(await app.statuses('/mine', 1)).toEqual([200]);
    expect(asked).toEqual(['address', 'address']);
  });
});
