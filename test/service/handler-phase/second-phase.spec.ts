import { describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  Catch,
  ConflictException,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Header,
  Inject,
  Injectable,
  Req,
  Sse,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { of } from 'rxjs';
import {
  BackendError,
  by,
  type Call,
  EXEMPT,
  isThrottled,
  ManualClock,
  MemoryBackend,
  type PolicyOptions,
  Throttle,
  type ThrottleEvent,
  ThrottleException,
  ThrottleService,
  throttleWait,
} from '../../../src/index.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';
import { backends, useBackends } from './backends.js';
import { AuthGuard, as, OptionalGuard, type UserRequest } from './guards.js';

const strategy = 'fixed-window';
const limit = { rate: '2/min', strategy, by: by.user() } as const;
const shared = { name: 'shared', rate: '4/min', strategy, by: by.all(), scope: { group: 'shared' } } as const;

function controllers(what: PolicyOptions | readonly PolicyOptions[], guard: Type = AuthGuard): Type[] {
  @UseGuards(guard)
  @Controller()
  class NotesController {
    @Throttle(what)
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
  return [NotesController];
}

describe.each(adapters)('the handler phase on %s', (adapter) => {
  const redis = useBackends();

  it('responds like the guard', async () => {
    await using app = await startApp({ adapter, controllers: controllers(limit) });
    const fields = (state: string) => ({ 'ratelimit-policy': '"default";q=2;w=60', ratelimit: `"default";${state}` });
    expect(limitHeaders(await app.send('/notes', as('ann')))).toEqual(fields('r=1;t=60'));
    app.clock.advance(20_000);
    expect(limitHeaders(await app.send('/notes', as('ann')))).toEqual(fields('r=0;t=40'));
    const denied = await app.send('/notes', as('ann'));
    expect(denied.status).toBe(429);
    expect(limitHeaders(denied)).toEqual({ ...fields('r=0;t=40'), 'retry-after': '40', 'cache-control': 'no-store' });
    expect(denied.body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Too many requests. Retry in 40 seconds.',
      policy: 'default',
      reason: 'rate',
      retryAfter: 40,
    });
    app.clock.advance(40_000);
    expect(await app.statuses('/notes', 3, as('ann'))).toEqual([200, 200, 429]);
  });

  it.each(['legacy', 'both'] as const)('writes %s headers', async (headers) => {
    const options = { headers, errors: 'problem' } as const;
    await using app = await startApp({ adapter, controllers: controllers(limit), options });
    const answers = [await app.send('/notes', as('ann')), await app.send('/notes', as('ann'))];
    expect(answers.map((answer) => answer.headers['x-ratelimit-remaining'])).toEqual(['1', '0']);
    const denied = await app.send('/notes', as('ann'));
    expect(denied.body).toMatchObject({ status: 429, 'violated-policies': ['default'], retryAfter: 60 });
  });

  it.each(backends)('refunds the charges of the guard if it denies the call (%s)', async (backend) => {
    const options = { backend: redis.make(backend) };
    const what = [
      { ...shared, name: 'all', rate: '4/hour', strategy: 'sliding-log' },
      { ...limit, rate: '2/hour', strategy: 'sliding-log' },
    ];
    await using app = await startApp({ adapter, controllers: controllers(what), options });
    expect(await app.statuses('/notes', 2, as('ann'))).toEqual([200, 200]);
    for (let i = 0; i < 3; i++) {
      const denied = await app.send('/notes', as('ann'));
      expect(denied.status).toBe(429);
      expect(denied.headers.ratelimit).toMatch(/^"all";r=2;t=\d+, "default";r=0;t=\d+$/);
      expect(denied.body).toMatchObject({ policy: 'default' });
    }
    const answer = await app.send('/notes', as('ben'));
    expect(answer.headers.ratelimit).toMatch(/^"all";r=1;t=\d+, "default";r=1;t=\d+$/);
    expect(await app.statuses('/notes', 2, as('ben'))).toEqual([200, 429]);
    // The user was not charged for the call that the guard denied.
    expect((await app.send('/notes', as('cat'))).body).toMatchObject({ policy: 'all' });
  });

  it('refunds the charges of the guard if a function of the handler phase throws', async () => {
    const cost = ({ request }: Call) => {
      if (request?.user !== undefined) throw new ConflictException();
      return 1;
    };
    await using app = await startApp({ adapter, controllers: controllers([shared, { ...limit, cost }]) });
    expect(await app.statuses('/notes', 5, as('ann'))).toEqual([409, 409, 409, 409, 409]);
    expect((await app.send('/shared', as('ann'))).headers.ratelimit).toBe('"shared";r=3;t=60');
  });

  it('rejects with 503 if limits cannot be checked, and refunds the charges of the guard', async () => {
    const memory = new MemoryBackend({ clock: new ManualClock(Date.UTC(2026, 0, 1)) });
    let isDown = false;
    const backend = {
      spend: memory.spend.bind(memory),
      peek: memory.peek.bind(memory),
      settle: memory.settle.bind(memory),
      reset: memory.reset.bind(memory),
      remote: true,
    };
    backend.spend = (charges) => {
      if (isDown && charges.some(({ subject }) => subject === 'user:ann')) throw new BackendError('CONNECTION', 'down');
      return memory.spend(charges);
    };
    const options = { backend, onError: 'deny' } as const;
    await using app = await startApp({ adapter, controllers: controllers([shared, limit]), options });
    expect(await app.statuses('/notes', 1, as('ann'))).toEqual([200]);
    isDown = true;
    expect(await app.statuses('/notes', 3, as('ann'))).toEqual([503, 503, 503]);
    expect((await app.send('/shared', as('ben'))).headers.ratelimit).toMatch(/^"shared";r=2;t=\d+$/);
  });

  it('delays calls of a user, one after another', async () => {
    const leaky: PolicyOptions = { rate: '60/min', strategy: 'leaky-bucket', burst: 3, by: by.user() };
    await using app = await startApp({ adapter, controllers: controllers(leaky) });
    expect(await app.statuses('/notes', 1, as('ann'))).toEqual([200]);
    const done: string[] = [];
    const held = [1, 2].map(async (i) => {
      expect((await app.send('/notes', as('ann'))).status).toBe(200);
      done.push(`ann ${i}`);
    });
    await until(() => app.clock.waiting === 2);
    expect(await app.statuses('/notes', 1, as('ann'))).toEqual([429]);
    expect(await app.statuses('/notes', 1, as('ben'))).toEqual([200]);
    expect(done).toEqual([]);
    app.clock.advance(1000);
    await until(() => done.length === 1);
    app.clock.advance(1000);
    await Promise.all(held);
  });

  it('refunds all charges of a delayed call, including those of the guard, when its client leaves', async () => {
    const leaky: PolicyOptions = { rate: '60/min', strategy: 'leaky-bucket', burst: 3, by: by.user(), name: 'leaky' };
    await using app = await startApp({ adapter, controllers: controllers([leaky, shared]) });
    expect(await app.statuses('/notes', 1, as('ann'))).toEqual([200]);
    const leaving = new AbortController();
    const held = [1, 2].map(() => app.send('/notes', { ...as('ann'), signal: leaving.signal }));
    await until(() => app.clock.waiting === 2);
    leaving.abort();
    for (const one of held) await expect(one).rejects.toThrow('The operation was aborted');
    await until(() => app.clock.waiting === 0);
    expect((await app.send('/shared', as('ben'))).headers.ratelimit).toMatch(/^"shared";r=2;t=\d+$/);
    const next = app.send('/notes', as('ann'));
    await until(() => app.clock.waiting === 1);
    app.clock.advance(1000);
    expect((await next).status).toBe(200);
  });

  it('calls message and onDenied, and emits events, with the user and the handler', async () => {
    const seen: unknown[] = [];
    const what: PolicyOptions = {
      ...limit,
      context: { plan: 'free' },
      message: ({ request, context }) => ({ for: Reflect.get(Object(request?.user), 'id'), ...context }),
      onDenied: ({ request, handler }, { binding }) => {
        seen.push([Reflect.get(Object(request?.user), 'id'), handler?.name, binding?.policy]);
      },
    };
    await using app = await startApp({ adapter, controllers: controllers(what) });
    const events: ThrottleEvent[] = [];
    app.app.get(ThrottleService).events$.subscribe((event) => events.push(event));
    await app.statuses('/notes', 2, as('ann'));
    expect((await app.send('/notes', as('ann'))).body).toEqual({ for: 'ann', plan: 'free' });
    expect(seen).toEqual([['ann', 'list', 'default']]);
    expect(events).toMatchObject([
      { type: 'denied', handler: 'NotesController.list', charges: [{ subject: 'user:ann', cost: 1 }] },
    ]);
  });

  it('calls skip of the policy and of the module again, when the user is known', async () => {
    const isAdmin = ({ request }: Call) => Reflect.get(Object(request?.user), 'role') === 'admin';
    for (const options of [{ skip: isAdmin }, {}]) {
      const what = 'skip' in options ? limit : { ...limit, skip: isAdmin };
      await using app = await startApp({ adapter, controllers: controllers(what), options });
      const answer = await app.send('/notes', as('root', { 'x-role': 'admin' }));
      expect([answer.status, limitHeaders(answer)]).toEqual([200, {}]);
      expect(await app.statuses('/notes', 4, as('root', { 'x-role': 'admin' }))).toEqual([200, 200, 200, 200]);
      expect(await app.statuses('/notes', 3, as('ann'))).toEqual([200, 200, 429]);
    }
  });

  it('charges nothing for a user who is exempt', async () => {
    const who = by.first(
      ({ request }) => (Reflect.get(Object(request?.user), 'role') === 'admin' ? EXEMPT : null),
      by.user(),
    );
    await using app = await startApp({ adapter, controllers: controllers([{ ...limit, by: who }, shared]) });
    const answer = await app.send('/notes', as('root', { 'x-role': 'admin' }));
    expect([answer.status, answer.headers.ratelimit]).toEqual([200, '"shared";r=3;t=60']);
    expect(await app.statuses('/notes', 3, as('ann'))).toEqual([200, 200, 429]);
  });

  it('goes through exception filters', async () => {
    @Catch(ThrottleException)
    class TeapotFilter implements ExceptionFilter {
      catch(_error: unknown, host: ArgumentsHost): void {
        const response = host.switchToHttp().getResponse();
        response.status(418).send('short and stout');
      }
    }

    @UseFilters(TeapotFilter)
    @UseGuards(AuthGuard)
    @Controller()
    class NotesController {
      @Header('cache-control', 'public')
      @Throttle(limit)
      @Get('notes')
      list(): string {
        return 'notes';
      }
    }
    await using app = await startApp({ adapter, controllers: [NotesController] });
    const answers = [
      await app.send('/notes', as('ann')),
      await app.send('/notes', as('ann')),
      await app.send('/notes', as('ann')),
    ];
    expect(answers.map(({ status, headers }) => [status, headers['cache-control']])).toEqual([
      [200, 'public'],
      [200, 'public'],
      [418, 'no-store'],
    ]);
  });

  it('runs before server-sent events begin', async () => {
    @UseGuards(AuthGuard)
    @Controller()
    class FeedController {
      @Throttle(limit)
      @Sse('feed')
      feed() {
        return of({ data: 'news' });
      }
    }
    await using app = await startApp({ adapter, controllers: [FeedController] });
    expect((await app.send('/feed', as('ann'))).text).toContain('data: news');
    expect(await app.statuses('/feed', 2, as('ann'))).toEqual([200, 429]);
    expect(await app.statuses('/feed', 1, as('ben'))).toEqual([200]);
  });

  it('does not affect hit(), which charges at once: in a guard the address, in the handler the user', async () => {
    const seen: unknown[] = [];

    @Injectable()
    class HittingGuard extends OptionalGuard {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {
        super();
      }

      override canActivate(context: ExecutionContext): boolean {
        void this.throttle
          .consume('mail', 1, { on: context })
          .then(({ receipt }) => seen.push(receipt?.charges[0]?.subject));
        return super.canActivate(context);
      }
    }

    @Controller()
    class NotesController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @UseGuards(HittingGuard)
      @Throttle(limit)
      @Get('notes')
      async list(@Req() request: UserRequest) {
        const { receipt } = await this.throttle.hit('mail');
        const own = await this.throttle.consume();
        const stat = await this.throttle.stat();
        const canPass = await this.throttle.check();
        seen.push(receipt?.charges[0]?.subject, own.receipt?.charges[0]?.subject, stat?.remaining, canPass);
        return [isThrottled(request), throttleWait(request)];
      }
    }
    const policies = { mail: { rate: '9/min', strategy, by: by.user() } } as const;
    await using app = await startApp({ adapter, controllers: [NotesController], options: { policies } });
    const first = await app.send('/notes', as('ann'));
    expect(first.body).toEqual([false, 0]);
    expect(seen).toEqual(['ip:127.0.0.1', 'user:ann', 'user:ann', 0, false]);
    expect(await app.statuses('/notes', 1, as('ann'))).toEqual([429]);
    expect(await app.statuses('/notes', 1, as('ben'))).toEqual([200]);
  });

  it('is seen by isThrottled and throttleWait in a filter', async () => {
    const seen: unknown[] = [];
    @Catch(ThrottleException)
    class SeeingFilter implements ExceptionFilter {
      catch(error: ThrottleException, host: ArgumentsHost): void {
        const request: object = host.switchToHttp().getRequest();
        seen.push(isThrottled(request), throttleWait(request));
        host.switchToHttp().getResponse().status(error.getStatus()).send('denied');
      }
    }
    await using app = await startApp({
      adapter,
      controllers: controllers(limit),
      prepare: (nest) => nest.useGlobalFilters(new SeeingFilter()),
    });
    expect(await app.statuses('/notes', 3, as('ann'))).toEqual([200, 200, 429]);
    expect(seen).toEqual([true, 60_000]);
  });
});
