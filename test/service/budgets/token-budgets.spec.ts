import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import {
  BackendError,
  by,
  Concurrency,
  EXEMPT,
  ManualClock,
  MemoryBackend,
  type PolicyOptions,
  subjectOf,
  Throttle,
  ThrottleConfigError,
  type ThrottleEvent,
  ThrottleException,
  type ThrottleModuleOptions,
  ThrottleService,
  ThrottleUnavailableException,
} from '../../../src/index.js';
import { startupError } from '../../support/application.js';
import { adapters, startApp } from '../../support/http-app.js';
import { startContext } from '../../support/service-app.js';
import { START } from '../../support/start-time.js';
import { until } from '../../support/wait-until.js';

const ada = { subject: subjectOf.user('ada') };
const policies = { llm: { budget: '500/min' } } as const;

async function start(options: ThrottleModuleOptions = { policies }) {
  const clock = new ManualClock(START);
  const context = await startContext({ backend: new MemoryBackend({ clock }), ...options });
  const budget = context.throttle.budget('llm');
  const left = async () => (await budget.stat(ada))?.remaining;
  return { ...context, clock, throttle: context.throttle, budget, left, [Symbol.asyncDispose]: () => context.close() };
}

async function* chunksOf(...sizes: readonly number[]) {
  for (const size of sizes) yield 'x'.repeat(size);
}

function budgetOnMethod() {
  const what: PolicyOptions = Reflect.apply(Object, undefined, [{ budget: '5/min' }]);
  @Controller('llm')
  class LlmController {
    @Throttle(what) @Get() complete() {}
  }
  return LlmController;
}

const lengthOf = (text: string) => text.length;

describe('a token budget', () => {
  it('holds an estimate, and is charged the real usage', async () => {
    await using context = await start();
    const hold = await context.budget.reserve(300, ada);
    expect([hold.units, await context.left()]).toEqual([300, 200]);
    expect(await hold.settle(120)).toBe(true);
    expect(await context.left()).toBe(380);
    expect(await hold.settle(500)).toBe(false);
    expect(await hold.cancel()).toBe(false);
    expect(await context.left()).toBe(380);
  });

  it('is charged more than the estimate in full, and nothing for a hold that is cancelled', async () => {
    await using context = await start();
    const [over, cancelled] = [await context.budget.reserve(10, ada), await context.budget.reserve(100, ada)];
    expect(await cancelled.cancel()).toBe(true);
    expect(await over.settle(600)).toBe(true);
    expect(await context.left()).toBe(0);
    await expect(context.budget.reserve(1, ada)).rejects.toThrow(ThrottleException);
  });

  it('admits six of twenty reservations of 75 against 500', async () => {
    await using context = await start();
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => context.budget.reserve(75, ada)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(6);
    expect(await context.left()).toBe(50);
  });

  it('rejects with a 429 that has the reason, and emits the denial', async () => {
    await using context = await start();
    const events: ThrottleEvent[] = [];
    context.throttle.events$.subscribe((event) => events.push(event));
    const hold = await context.budget.reserve(400, ada);
    await hold.settle(400);
    context.clock.advance(1000);
    const error: unknown = await context.budget.reserve(101, ada).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ThrottleException);
    expect(error).toMatchObject({
      status: 429,
      response: { statusCode: 429, retryAfter: 59, policy: 'llm', reason: 'budget' },
    });
    await until(() => events.length > 0);
    expect(events).toMatchObject([{ type: 'denied', outcome: { binding: { policy: 'llm', reason: 'budget' } } }]);
  });

  it('is found again by the id of a hold, in another place', async () => {
    await using context = await start();
    const { id } = await context.budget.reserve(300, ada);
    const found = context.throttle.budget('llm').hold(id);
    expect(found.units).toBeUndefined();
    await found.grow(400);
    expect([found.units, await context.left()]).toEqual([400, 100]);
    expect(await found.settle(50)).toBe(true);
    expect(await context.left()).toBe(450);
    expect(await context.throttle.budget('llm').hold(id).cancel()).toBe(false);
    for (const wrong of ['', 'x', '1.', '.a', '-1.a', 'zzzzzzzzzzz.a', 5, undefined]) {
      expect(() => Reflect.apply(context.budget.hold, context.budget, [wrong])).toThrow(
        /^budget\("llm"\)\.hold\(\): expected the `id` of a hold/,
      );
    }
  });

  it('grows a hold up to its room, and not beyond', async () => {
    await using context = await start();
    const hold = await context.budget.reserve(100, ada);
    await hold.grow(50);
    expect(hold.units).toBe(100);
    await hold.grow(500);
    expect(await context.left()).toBe(0);
    await expect(hold.grow(501)).rejects.toThrow(ThrottleException);
    expect(hold.units).toBe(500);
  });

  it('reports which hold has ended, and why, when it should grow', async () => {
    await using context = await start();
    const [settled, lost] = [await context.budget.reserve(100, ada), await context.budget.reserve(100, ada)];
    await settled.settle(0);
    await context.budget.reset(ada);
    const errorOf = (hold: typeof lost) => hold.grow(200).catch((error: unknown) => error);
    const name = (hold: typeof lost) => `budget("llm"): grow(): the hold ${hold.id.split('.')[0]} has ended:`;
    const errors = [await errorOf(settled), await errorOf(lost)];
    expect(errors).toMatchObject([
      { message: `${name(settled)} it was settled or cancelled before. Reserve the units anew.` },
      {
        message: `${name(lost)} it has expired, was ended elsewhere, or its budget was reset. Reserve the units anew.`,
      },
    ]);
    for (const error of errors) expect(error).toBeInstanceOf(ThrottleException);
  });

  it('counts each subject separately, in the scope of its context, and exempts calls by `by`', async () => {
    await using context = await start({ policies: { llm: { budget: '500/min', by: () => EXEMPT } } });
    await context.budget.reserve(400, ada);
    await context.budget.reserve(400, { subject: 'bob' });
    await context.budget.reserve(400, { ...ada, context: { scope: 'tenant' } });
    expect(await context.left()).toBe(100);
    const free = await context.budget.reserve(1_000_000, { on: {} }).catch(() => undefined);
    const exempt = free ?? (await context.throttle.budget('llm').reserve(1_000_000));
    await exempt.grow(2_000_000);
    expect(await exempt.settle(5)).toBe(true);
    expect(await exempt.settle(5)).toBe(false);
    expect(await context.budget.stat()).toBeNull();
  });

  it('drops settled units and open holds when it is reset', async () => {
    await using context = await start();
    const hold = await context.budget.reserve(100, ada);
    await (await context.budget.reserve(200, ada)).settle(200);
    await context.budget.reserve(50, { subject: 'bob' });
    await context.budget.reset(ada);
    expect(await context.left()).toBe(500);
    expect(await hold.settle(5)).toBe(false);
    expect((await context.budget.stat({ subject: 'bob' }))?.remaining).toBe(450);
  });

  it('holds nothing for calls that the module skips', async () => {
    await using context = await start({ policies, skip: () => true });
    const hold = await context.budget.reserve(400, ada);
    await hold.grow(600);
    expect(await context.left()).toBe(500);
    expect(await hold.settle(300)).toBe(true);
    expect(await context.left()).toBe(500);
  });

  it('refuses invalid numbers', async () => {
    await using context = await start();
    for (const wrong of [0, -1, 0.5, Number.NaN, '5', undefined]) {
      const reserve = async () => Reflect.apply(context.budget.reserve, context.budget, [wrong, ada]);
      await expect(reserve()).rejects.toThrow(RangeError);
    }
    const hold = await context.budget.reserve(10, ada);
    await expect(hold.settle(-1)).rejects.toThrow(RangeError);
    await expect(hold.grow(1.5)).rejects.toThrow(RangeError);
    expect(await context.left()).toBe(490);
  });
});

describe('holds of a token budget', () => {
  it('are extended by one timer while they are open, and expire if they are not extended', async () => {
    await using context = await start();
    const [kept, ended] = [await context.budget.reserve(100, ada), await context.budget.reserve(200, ada)];
    for (let beat = 1; beat <= 9; beat++) {
      context.clock.advance(10_000);
      // The heartbeat runs, and the next one is awaited.
      await setImmediate();
      if (beat === 4) await ended.settle(0);
      expect(await context.left()).toBe(beat < 4 ? 200 : 400);
    }
    expect(kept.signal.aborted).toBe(false);
    expect(await kept.settle(30)).toBe(true);
    expect(await context.left()).toBe(470);
  });

  it('abort their signal when they are lost', async () => {
    await using context = await start();
    const hold = await context.budget.reserve(100, ada);
    // All of a time to live passes before the next heartbeat.
    context.clock.advance(30_000);
    await until(() => hold.signal.aborted);
    expect(String(hold.signal.reason)).toContain('budget("llm"): the hold has expired');
    expect(await hold.settle(5)).toBe(false);
    expect(await context.left()).toBe(400);
  });

  it('are free again after they expired, with `release`', async () => {
    await using context = await start({ policies: { llm: { budget: '500/min', onExpiry: 'release' } } });
    const hold = await context.budget.reserve(100, ada);
    context.clock.advance(30_000);
    await until(() => hold.signal.aborted);
    expect(await context.left()).toBe(500);
  });

  it('are no longer extended when the application closes', async () => {
    const clock = new ManualClock(START);
    const backend = new MemoryBackend({ clock });
    const context = await startContext({ backend, policies });
    const hold = await context.throttle.budget('llm').reserve(100, ada);
    await context.close();
    for (let beat = 0; beat < 3; beat++) {
      clock.advance(10_000);
      await setImmediate();
    }
    expect(await hold.settle(5)).toBe(false);
  });
});

describe('a metered stream', () => {
  it.each([1, 7, 100, 500, undefined])('is passed on as far as units are reserved, in chunks of %p', async (chunk) => {
    await using context = await start();
    const hold = await context.budget.reserve(50, ada);
    const sizes = Array.from({ length: 200 }, () => 7);
    const served: string[] = [];
    const options = { unitsOf: lengthOf, ...(chunk !== undefined && { chunk }) };
    const read = async () => {
      for await (const text of hold.meter(chunksOf(...sizes), options)) {
        served.push(text);
        // The units that were passed on are held.
        expect(served.length * 7).toBeLessThanOrEqual(hold.units ?? 0);
      }
    };
    await expect(read()).rejects.toThrow(ThrottleException);
    expect(served).toHaveLength(Math.floor(500 / 7));
    expect(await context.left()).toBe(500 - 7 * Math.floor(500 / 7));
  });

  it('is settled at the units served when it ends, fails, or is no longer read', async () => {
    await using context = await start();
    const meter = async (source: AsyncIterable<string>, stopAfter = Number.POSITIVE_INFINITY) => {
      const hold = await context.budget.reserve(1, ada);
      let read = 0;
      for await (const text of hold.meter(source, { unitsOf: lengthOf, chunk: 50 })) {
        read += text.length;
        if (read >= stopAfter) break;
      }
    };
    await meter(chunksOf(10, 20, 30));
    expect(await context.left()).toBe(440);
    await meter(chunksOf(10, 20, 30), 30);
    expect(await context.left()).toBe(410);
    const failing = async function* () {
      yield 'four';
      throw new Error('broken');
    };
    await expect(meter(failing())).rejects.toThrow('broken');
    expect(await context.left()).toBe(406);
  });

  it('refuses invalid options and units', async () => {
    await using context = await start();
    const hold = await context.budget.reserve(10, ada);
    const drain = async (options: object) => {
      for await (const _ of Reflect.apply(hold.meter, hold, [chunksOf(1), options])) void _;
    };
    await expect(drain({})).rejects.toThrow('budget("llm"): meter(), unitsOf: expected a function of a chunk');
    await expect(drain({ unitsOf: lengthOf, chunk: 0 })).rejects.toThrow(ThrottleConfigError);
    await expect(drain({ unitsOf: lengthOf, size: 1 })).rejects.toThrow('there is no option "size"');
    await expect(drain({ unitsOf: () => -1 })).rejects.toThrow(RangeError);
  });
});

describe('the options of a token budget', () => {
  it.each<readonly [options: object, message: string]>([
    [{ budget: '5/fortnight' }, 'policies.llm.budget: expected'],
    [{ budget: undefined }, 'policies.llm.budget: expected'],
    [{ budget: '5/min', strategy: 'gcra' }, 'policies.llm.strategy: expected "fixed-window" or "calendar"'],
    [{ budget: '5/min', onExpiry: 'keep' }, 'policies.llm.onExpiry: expected "charge" or "release"'],
    [{ budget: '5/min', carryDebt: 1 }, 'policies.llm.carryDebt: expected true or false'],
    [{ budget: '5/min', by: 'user' }, 'policies.llm.by: expected a function'],
    [
      { budget: '5/min', rate: '5/min' },
      'policies.llm: "rate" cannot be combined with `budget`. Leave one of the two out',
    ],
    [{ budget: '5/min', cost: 2 }, 'policies.llm: there is no option "cost"'],
    [{ budget: '5/month', anchor: () => new Date() }, 'policies.llm.anchor: expected a Date'],
  ])('are checked at startup: %j', async (options, message) => {
    const error = await startupError(() =>
      Reflect.apply(Object, undefined, [{ options: { policies: { llm: options } } }]),
    );
    expect(error).toContain(message);
  });

  it.each([
    ['default: there', () => ({ options: Reflect.apply(Object, undefined, [{ default: { budget: '5/min' } }]) })],
    ['@Throttle on LlmController.complete: there', () => ({ options: {}, controllers: [budgetOnMethod()] })],
  ])('cannot be used in another limit: %s', async (place, boot) => {
    expect(await startupError(boot)).toContain(
      `${place} is no option "budget" here. Token budgets belong in \`policies\` of the module: { policies: { llm: { budget: "100000/min" } } }.`,
    );
  });

  it('differ from those of limits: a budget cannot be hit, and a limit cannot be reserved', async () => {
    await using context = await start({ policies: { llm: { budget: '500/month' }, api: '5/min' } });
    await expect(context.throttle.hit('llm', 1, ada)).rejects.toThrow(
      'hit("llm"): this policy is a token budget. Use throttle.budget("llm").reserve(estimate).',
    );
    expect(() => context.throttle.budget('api')).toThrow('budget("api"): no token budget has this name');
    expect(() => context.throttle.budget('lm')).toThrow('Did you mean "llm"?');
    const hold = await context.budget.reserve(100, ada);
    expect(await hold.settle(80)).toBe(true);
    expect(await context.budget.stat(ada)).toMatchObject({ remaining: 420, window: { used: 80 } });
  });

  it('need a backend that supports holds', async () => {
    const memory = new MemoryBackend();
    const backend = {
      spend: memory.spend.bind(memory),
      peek: memory.peek.bind(memory),
      settle: memory.settle.bind(memory),
      reset: memory.reset.bind(memory),
    };
    expect(await startupError(() => ({ options: { backend, policies } }))).toContain(
      'policy "llm": `budget` needs a backend that holds units while a call runs',
    );
  });
});

describe('a token budget during an outage', () => {
  const failing = () => {
    const fail = () => Promise.reject(new BackendError('CONNECTION', 'no connection'));
    const holds = { take: fail, peek: fail, extend: fail, grow: fail, end: fail };
    return { spend: fail, peek: fail, settle: fail, reset: fail, holds, remote: true };
  };

  it('is decided by the process, allowed, or rejected with 503, depending on `onError`', async () => {
    const reserve = async (onError: 'local' | 'allow' | 'deny') => {
      const context = await startContext({ backend: failing(), policies: { llm: { ...policies.llm, onError } } });
      try {
        const budget = context.throttle.budget('llm');
        const hold = await budget.reserve(400, ada);
        await hold.grow(500);
        return await hold.settle(10);
      } finally {
        await context.close();
      }
    };
    expect(await reserve('local')).toBe(true);
    expect(await reserve('allow')).toBe(true);
    await expect(reserve('deny')).rejects.toThrow(ThrottleUnavailableException);
  });
});

describe.each(adapters)('a token budget of a request on %s', (adapter) => {
  @Controller()
  class Completions {
    constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

    @Get()
    async complete() {
      const hold = await this.throttle.budget('llm').reserve(300);
      await hold.settle(200);
      return 'done';
    }
  }

  it('belongs to the subject of `by`, with its decision in the headers, and a 429 without units', async () => {
    const policies = { llm: { budget: '500/min', unit: 'tokens', by: by.header('x-user') } } as const;
    await using app = await startApp({ adapter, controllers: [Completions], options: { policies } });
    const get = (user: string) => app.send('/', { headers: { 'x-user': user } });
    const first = await get('ada');
    expect(first.status).toBe(200);
    expect(first.headers.ratelimit).toBe('"llm";r=200;t=60');
    expect(first.headers['ratelimit-policy']).toContain('"llm";q=500;qu="tokens";w=60');
    expect((await get('ada')).status).toBe(200);
    const denied = await get('ada');
    expect(denied.status).toBe(429);
    expect(denied.headers['retry-after']).toBe('60');
    expect((await get('bob')).status).toBe(200);
  });

  it('is extended by the timer of permits, even while a closing application waits for the request', async () => {
    let isRunning = false;
    let finish = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });

    @Controller()
    class SlowCompletions {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Concurrency(1)
      @Get()
      async complete() {
        const hold = await this.throttle.budget('llm').reserve(300);
        isRunning = true;
        await finished;
        return { isSettled: await hold.settle(200) };
      }
    }

    const started = await startApp({ adapter, controllers: [SlowCompletions], options: { policies } });
    const { app, clock } = started;
    const answer = started.send('/');
    await until(() => isRunning);
    expect(clock.waiting).toBe(1);
    const closing = app.close();
    await until(() => app.getHttpServer().listening === false);
    // Longer than a hold lasts if it is not extended.
    for (let beat = 0; beat < 4; beat++) {
      clock.advance(10_000);
      await setImmediate();
    }
    finish();
    expect(await answer).toMatchObject({ status: 200, body: { isSettled: true } });
    await closing;
    expect(clock.waiting).toBe(0);
  });
});
