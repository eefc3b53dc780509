import { describe, expect, it } from '@jest/globals';
import { Controller, Get, HttpStatus, Scope, UnauthorizedException, UseInterceptors } from '@nestjs/common';
import { concat, NEVER, type Observable, of, retry, take, throwError } from 'rxjs';
import {
  type CallResult,
  type ChargeWhen,
  type PolicyOptions,
  Throttle,
  type ThrottleModuleOptions,
  ThrottleService,
} from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { adapters, startApp } from '../../support/http-app.js';
import { acting } from '../../support/scripted-handler.js';
import { until } from '../../support/wait-until.js';

const ANYBODY = { subject: 'anybody' };
const limit: PolicyOptions = { rate: '10/hour', strategy: 'fixed-window', cost: 3, by: () => 'anybody' };

/** An application with the policy `p`, charged by outcome, and a handler under it. */
async function start(
  chargeWhen: ChargeWhen,
  act: () => unknown,
  more: Partial<PolicyOptions> = {},
  options: ThrottleModuleOptions = {},
) {
  const backend = new CountedBackend();
  const errors: string[] = [];
  const app = await startApp({
    adapter: 'express',
    controllers: [acting(act, { onMethod: 'p' })],
    options: { backend, policies: { p: { ...limit, ...more, chargeWhen } }, ...options },
    errors,
  });
  const remaining = async () => (await app.app.get(ThrottleService).stat('p', ANYBODY))?.remaining;
  return { app, backend, errors, remaining, [Symbol.asyncDispose]: () => app.app.close() };
}

describe('a function chargeWhen', () => {
  it.each<[string, () => unknown, CallResult]>([
    ['what the handler returned', () => [1, 2], { status: 200, value: [1, 2] }],
    ['the last value of an Observable', () => of(1, 2, 3), { status: 200, value: 3 }],
    ['what a promise was resolved with', async () => null, { status: 200, value: null }],
  ])('gets the status, and %s', async (_, act, expected) => {
    const results: CallResult[] = [];
    await using context = await start((result) => results.push(result) > 0, act);
    await context.app.send('/act');
    await until(() => results.length > 0);
    expect(results).toEqual([expected]);
  });

  it('gets the very error that the handler threw', async () => {
    const error = new UnauthorizedException();
    const results: CallResult[] = [];
    await using context = await start(
      (result) => results.push(result) > 0,
      () => {
        throw error;
      },
    );
    await context.app.send('/act');
    await until(() => results.length > 0);
    expect(results).toEqual([{ status: HttpStatus.UNAUTHORIZED, error }]);
    expect(results[0]?.error).toBe(error);
  });

  it('gets the call, with the context of the policy', async () => {
    const seen: unknown[] = [];
    const chargeWhen: ChargeWhen = (_, call) => seen.push([call.request?.url, call.context, call.handler?.name]) > 0;
    await using context = await start(chargeWhen, () => 'ok', { context: { tier: 'gold' } });
    await context.app.send('/act?page=1');
    await until(() => seen.length > 0);
    expect(seen).toEqual([['/act?page=1', { tier: 'gold' }, 'run']]);
  });

  it('is called once for a policy of several rates, and its number is the cost under each', async () => {
    let asked = 0;
    const chargeWhen = () => {
      asked += 1;
      return 1;
    };
    await using context = await start(chargeWhen, () => 'ok', { rate: '10/min; 20/hour' });
    await context.app.send('/act');
    await until(() => context.backend.settled.length > 0);
    expect([asked, context.backend.settled]).toEqual([1, [[1, 1]]]);
  });

  it.each<[string, ChargeWhen, number]>([
    ['a promise of false', async () => false, 10],
    ['a promise of a number', async () => 2, 8],
    ['0', () => 0, 10],
    ['what was taken', () => 3, 7],
    ['more than was taken', () => 8, 2],
    ['more than the limit, which is recorded in full', () => 25, 0],
  ])('may return %s', async (_, chargeWhen, left) => {
    await using context = await start(chargeWhen, () => 'ok');
    await context.app.send('/act');
    await until(async () => (await context.remaining()) === left);
    expect(context.errors).toEqual([]);
  });

  it('that returns more than the limit denies until the debt is over', async () => {
    await using context = await start(
      () => 25,
      () => 'ok',
      { strategy: 'token-bucket' },
    );
    await context.app.send('/act');
    await until(() => context.backend.settled.length > 0);
    // 25 units of a bucket of 10 that gains 10 an hour: three fit again once 18 have drained.
    const denied = await context.app.send('/act');
    expect([denied.status, denied.headers['retry-after']]).toEqual([429, String(1.8 * 3600)]);
  });

  const wrong = 'expected true, false, or the cost to be charged, a safe integer of at least 0, got';
  it.each<[string, () => never, string]>([
    [
      'throws',
      () => {
        throw new Error('no database');
      },
      'no database',
    ],
    ['rejects', (async () => Promise.reject(new Error('no database'))) as () => never, 'no database'],
    ['answers a string', (() => 'true') as () => never, `${wrong} "true"`],
    ['answers undefined', (() => undefined) as () => never, `${wrong} undefined`],
    ['answers a negative number', (() => -1) as () => never, `${wrong} -1 (number)`],
    ['answers NaN', (() => Number.NaN) as () => never, `${wrong} NaN (number)`],
    ['answers a fraction', (() => 1.5) as () => never, `${wrong} 1.5 (number)`],
    ['answers a promise of nothing', (async () => undefined) as unknown as () => never, `${wrong} undefined`],
  ])('that %s leaves the call charged, and is logged with its policy', async (_, chargeWhen, reason) => {
    await using context = await start(chargeWhen, () => 'ok');
    expect((await context.app.send('/act')).status).toBe(200);
    await until(() => context.errors.length > 0);
    expect(context.errors).toEqual([
      `@Throttle("p") on ActController.run, chargeWhen (policy "p"): failed, so the call stays charged as it was: ${reason}`,
    ]);
    expect([await context.remaining(), context.backend.settled]).toEqual([7, []]);
  });
});

describe('a function chargeWhen that does not resolve', () => {
  it('leaves the call charged after its deadline, and is logged with its policy', async () => {
    await using context = await start(
      () => new Promise<boolean>(() => {}),
      () => 'ok',
      {},
      { functionTimeoutMs: 1 },
    );
    expect((await context.app.send('/act')).status).toBe(200);
    await until(() => context.errors.length > 0);
    expect(context.errors).toEqual([
      '@Throttle("p") on ActController.run, chargeWhen (policy "p"): failed, so the call stays charged as it was: expected a result within 1 ms, got none',
    ]);
    expect([await context.remaining(), context.backend.settled]).toEqual([7, []]);
  });
});

describe.each(adapters)('the end of a handler on %s', (adapter) => {
  it('is that of its last run, if an interceptor retries', async () => {
    const results: CallResult[] = [];
    let runs = 0;

    class RetryInterceptor {
      intercept(_: unknown, next: { handle(): Observable<unknown> }): Observable<unknown> {
        return next.handle().pipe(retry(1));
      }
    }

    @UseInterceptors(RetryInterceptor)
    @Controller()
    class RetriedController {
      @Throttle({ ...limit, chargeWhen: (result) => results.push(result) > 0 })
      @Get('retried')
      run(): Observable<string> {
        runs += 1;
        return runs === 1 ? throwError(() => new Error('not yet')) : of('done');
      }
    }
    await using app = await startApp({ adapter, controllers: [RetriedController] });
    expect((await app.send('/retried')).text).toBe('done');
    await until(() => results.length > 0);
    expect([runs, results]).toEqual([2, [{ status: 200, value: 'done' }]]);
  });

  it('has its last value, if an interceptor unsubscribes before it has ended', async () => {
    const results: CallResult[] = [];

    class FirstInterceptor {
      intercept(_: unknown, next: { handle(): Observable<unknown> }): Observable<unknown> {
        return next.handle().pipe(take(1));
      }
    }

    @UseInterceptors(FirstInterceptor)
    @Controller()
    class FirstController {
      @Throttle({ ...limit, chargeWhen: (result) => results.push(result) > 0 })
      @Get('first')
      run(): Observable<string> {
        return concat(of('first'), NEVER);
      }
    }
    await using app = await startApp({ adapter, controllers: [FirstController] });
    expect((await app.send('/first')).text).toBe('first');
    await until(() => results.length > 0);
    expect(results).toEqual([{ status: 200, value: 'first' }]);
  });

  it.each<[string, ChargeWhen, boolean]>([
    ['a function', ({ value }) => value === undefined, true],
    ['a word', 'success', false],
  ])(
    'is not observed for a function that is created per request, with one warning if that matters, for %s',
    async (_, chargeWhen, warns) => {
      @Controller({ path: 'notes', scope: Scope.REQUEST })
      class NotesController {
        constructor() {
          this.list = this.list.bind(this);
        }

        @Throttle({ ...limit, chargeWhen })
        @Get()
        list(): string {
          return 'notes';
        }
      }
      const warnings: string[] = [];
      await using app = await startApp({ adapter, controllers: [NotesController], warnings });
      expect(await app.statuses('/notes', 3)).toEqual([200, 200, 200]);
      expect(warnings).toEqual(
        warns
          ? [
              'NotesController.list: its `chargeWhen` sees only the status of the response, not what the handler returns or throws. ' +
                'Nest runs a function that was created after startup and has no metadata. Do not replace or bind the method in the constructor.',
            ]
          : [],
      );
    },
  );

  it('is not awaited if an interceptor of the application responds itself', async () => {
    const results: CallResult[] = [];

    class CachingInterceptor {
      intercept(): Observable<unknown> {
        return of('cached');
      }
    }

    @UseInterceptors(CachingInterceptor)
    @Controller()
    class CachedController {
      @Throttle({ ...limit, chargeWhen: (result) => results.push(result) > 0 })
      @Get('cached')
      run(): string {
        return 'fresh';
      }
    }
    await using app = await startApp({ adapter, controllers: [CachedController] });
    expect((await app.send('/cached')).text).toBe('cached');
    await until(() => results.length > 0);
    expect(results).toEqual([{ status: 200 }]);
  });
});
