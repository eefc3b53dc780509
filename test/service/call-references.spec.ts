import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Controller, type ExecutionContext, Get, Inject, Param, Post, Req, UseGuards } from '@nestjs/common';
import {
  by,
  type HttpRequest,
  isThrottled,
  type PolicyOptions,
  Throttle,
  ThrottleService,
  throttleWait,
} from '../../src/index.js';
import { limitHeaders } from '../support/header-fields.js';
import { adapters, startApp, type TestApp } from '../support/http-app.js';
import { acting } from '../support/scripted-handler.js';

const strategy = 'fixed-window';
const perUser: PolicyOptions = { rate: '3/min', strategy, by: by.header('x-user') };
const policies = { upload: perUser, search: { rate: '3/min', strategy } };
const from = (user: string) => ({ headers: { 'x-user': user } });

/** Requests, as handlers see them, that are answered only when the test says so. */
class Waiting {
  readonly requests: HttpRequest[] = [];
  readonly contexts: ExecutionContext[] = [];
  #release = () => {};
  readonly #released = new Promise<void>((resolve) => {
    this.#release = resolve;
  });

  answer(): void {
    this.#release();
  }

  async hold(request: HttpRequest): Promise<void> {
    this.requests.push(request);
    await this.#released;
  }

  async arrival(): Promise<readonly [HttpRequest, ExecutionContext]> {
    for (;;) {
      const [[request], [context]] = [this.requests, this.contexts];
      if (request !== undefined && context !== undefined) return [request, context];
      await setImmediate();
    }
  }
}

describe.each(adapters)('a call on %s', (adapter) => {
  const start = (waiting: Waiting) => {
    @Throttle({ rate: '10/min', strategy })
    @Controller()
    class SlowController {
      @UseGuards({ canActivate: (context: ExecutionContext) => waiting.contexts.push(context) > 0 })
      @Get('slow')
      slow(@Req() request: HttpRequest) {
        return waiting.hold(request);
      }
    }
    return startApp({ adapter, controllers: [SlowController], options: { policies } });
  };

  const answerTo = async (
    waiting: Waiting,
    app: TestApp,
    meanwhile: (throttle: ThrottleService, request: object, context: ExecutionContext) => Promise<unknown>,
  ): Promise<string | string[] | undefined> => {
    const answer = app.send('/slow', from('ada'));
    const [request, context] = await waiting.arrival();
    await meanwhile(app.app.get(ThrottleService), request, context);
    waiting.answer();
    return (await answer).headers.ratelimit;
  };

  it('may be identified by its request, from outside of it', async () => {
    const waiting = new Waiting();
    await using app = await start(waiting);
    const ratelimit = await answerTo(waiting, app, async (throttle, on) => {
      await throttle.hit('upload', 2, { on });
      await throttle.hit(4, { on });
      expect(await throttle.check('upload', 2, { on })).toBe(false);
    });
    expect(ratelimit).toBe('"default";r=5;t=60, "upload";r=1;t=60');
  });

  it('may be identified by its execution context, from outside of it', async () => {
    const waiting = new Waiting();
    await using app = await start(waiting);
    const ratelimit = await answerTo(waiting, app, async (throttle, _, on) => {
      await throttle.hit('upload', 2, { on });
      await throttle.hit(4, { on });
      expect((await throttle.stat('upload', { on }))?.remaining).toBe(1);
    });
    expect(ratelimit).toBe('"default";r=5;t=60, "upload";r=1;t=60');
  });

  it('has its latest outcome in isThrottled and throttleWait', async () => {
    const told: unknown[] = [];
    const act = async (throttle: ThrottleService, request: HttpRequest) => {
      const tell = () => told.push([isThrottled(request), throttleWait(request)]);
      tell();
      await throttle.consume('upload', 2);
      tell();
      await throttle.consume('upload', 2);
      tell();
      await throttle.hit('upload', 4).catch(() => 'never');
      tell();
      await throttle.check('upload', 4);
      tell();
      await throttle.hit('upload', 1);
      tell();
    };
    await using app = await startApp({
      adapter,
      controllers: [acting(act, { onMethod: '9/min' })],
      options: { policies },
    });
    app.clock.advance(12_345);
    expect((await app.send('/act', from('ada'))).status).toBe(200);
    expect(told).toEqual([
      [false, 0],
      [false, 0],
      [true, 47_655],
      [true, null],
      [true, null],
      [false, 0],
    ]);
    expect([isThrottled({}), throttleWait({})]).toEqual([false, 0]);
  });

  it('may go on after the response', async () => {
    const waiting = new Waiting();
    const outcomes: Promise<unknown>[] = [];
    const act = (throttle: ThrottleService, request: HttpRequest) => {
      const later = waiting.hold(request).then(() => throttle.hit('upload', 2));
      outcomes.push(later.then(({ binding }) => binding?.remaining));
    };
    await using app = await startApp({ adapter, controllers: [acting(act)], options: { policies } });
    expect(limitHeaders(await app.send('/act', from('ada')))).toEqual({});
    waiting.answer();
    expect(await Promise.all(outcomes)).toEqual([1]);
  });

  it('that the guard denied is throttled', async () => {
    const requests: HttpRequest[] = [];
    await using app = await startApp({
      adapter,
      controllers: [acting(() => {}, { onMethod: { rate: '1/min', strategy } })],
      options: {
        onDenied: ({ request }) => {
          if (request !== undefined) requests.push(request);
        },
      },
    });
    expect(await app.statuses('/act', 2)).toEqual([200, 429]);
    expect(requests.map((request) => [isThrottled(request), throttleWait(request)])).toEqual([[true, 60_000]]);
  });
});

@Controller()
class ParallelController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Post('upload/:times') async upload(@Param('times') times: string) {
    const remaining: (number | undefined)[] = [];
    for (let i = 0; i < Number(times); i++) {
      await setImmediate();
      remaining.push((await this.throttle.hit('upload')).binding?.remaining);
    }
    return { remaining };
  }
}

describe.each(adapters)('calls at once on %s', (adapter) => {
  it('with bodies are never confused', async () => {
    await using app = await startApp({ adapter, controllers: [ParallelController], options: { policies } });
    const users = Array.from({ length: 50 }, (_, i) => `user-${i}`);
    const answers = await Promise.all(
      users.map((user, i) =>
        app.send(`/upload/${(i % 3) + 1}`, {
          ...from(user),
          method: 'POST',
          body: { user, filler: 'x'.repeat(i * 400) },
        }),
      ),
    );
    expect(answers.map(({ status, body }) => [status, body.remaining])).toEqual(
      users.map((_, i) => [201, [2, 1, 0].slice(0, (i % 3) + 1)]),
    );
    expect(answers.map(({ headers }) => headers.ratelimit)).toEqual(
      users.map((_, i) => `"upload";r=${2 - (i % 3)};t=60`),
    );
  });
});
