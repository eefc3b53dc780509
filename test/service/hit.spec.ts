import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Post,
  UseGuards,
} from '@nestjs/common';
import { Throttle, type ThrottleModuleOptions, ThrottleService } from '../../src/index.js';
import { limitHeaders } from '../support/header-fields.js';
import { adapters, startApp } from '../support/http-app.js';
import { type Act, acting, type Limits } from '../support/scripted-handler.js';

const strategy = 'fixed-window';
const policies = {
  upload: { rate: '10/min', strategy },
  search: { rate: '2/min', strategy },
  burst: { rate: '3/s', strategy },
};

describe.each(adapters)('hit on %s', (adapter) => {
  const start = (act: Act, limits?: Limits, options: ThrottleModuleOptions = {}) =>
    startApp({ adapter, controllers: [acting(act, limits)], options: { policies, ...options } });

  it('charges a policy of the module, and returns the outcome', async () => {
    await using app = await start((throttle) => throttle.hit('upload', 4));
    const decision = {
      policy: 'upload',
      allowed: true,
      limit: 10,
      remaining: 6,
      resetMs: 60_000,
      retryAfterMs: 0,
      delayMs: 0,
      windowMs: 60_000,
    };
    const { body, headers } = await app.send('/act');
    expect(body).toMatchObject({ allowed: true, decisions: [decision], binding: decision });
    expect(headers).toMatchObject({ 'ratelimit-policy': '"upload";q=10;w=60', ratelimit: '"upload";r=6;t=60' });
  });

  it('responds with 429 above the limit, like the guard', async () => {
    await using app = await start((throttle) => throttle.hit('search'));
    expect(await app.statuses('/act', 2)).toEqual([200, 200]);
    app.clock.advance(15_001);
    const answer = await app.send('/act');
    expect(answer.status).toBe(429);
    expect(limitHeaders(answer)).toEqual({
      'ratelimit-policy': '"search";q=2;w=60',
      ratelimit: '"search";r=0;t=45',
      'retry-after': '45',
      'cache-control': 'no-store',
    });
    expect(answer.body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Too many requests. Retry in 45 seconds.',
      policy: 'search',
      reason: 'rate',
      retryAfter: 45,
    });
  });

  it('reports no wait for a cost that can never pass', async () => {
    await using app = await start((throttle) => throttle.hit('upload', 11));
    const answer = await app.send('/act');
    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toBeUndefined();
    expect(answer.body).toMatchObject({
      message: 'Too many requests. This one asks for more than the limit ever grants.',
      reason: 'rate',
      retryAfter: null,
    });
  });

  it('writes its decision after those of the guard, and replaces one on the same budget', async () => {
    const act: Act = async (throttle) => {
      await throttle.hit('upload', 3);
      await throttle.hit('burst', 2);
      await throttle.hit('upload', 3);
    };
    await using app = await start(act, { onMethod: ['100/hour', 'burst'] });
    const { headers } = await app.send('/act');
    expect(headers['ratelimit-policy']).toBe('"default";q=100;w=3600, "burst";q=3;w=1, "upload";q=10;w=60');
    expect(headers.ratelimit).toBe('"default";r=99;t=3960, "burst";r=0;t=1, "upload";r=4;t=60');
  });

  it('reports the strictest state of one policy charged to two subjects', async () => {
    await using app = await start((throttle) => throttle.hit('upload', 3, { subject: 'team' }), { onMethod: 'upload' });
    const { headers } = await app.send('/act');
    expect(headers.ratelimit).toBe('"upload";r=7;t=60');
  });

  it('writes the legacy headers of the binding decision of guard and hit', async () => {
    const shown = async (units: number) => {
      const act: Act = (throttle) => throttle.hit('upload', units);
      const limits = { onMethod: { rate: '2/hour', strategy } };
      await using app = await start(act, limits, { headers: 'legacy' });
      return limitHeaders(await app.send('/act'));
    };
    expect(await shown(1)).toEqual({
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': '3600',
    });
    expect(await shown(9)).toEqual({
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': '60',
    });
  });

  it('removes the wait of a denial that the handler caught, and keeps the response out of caches', async () => {
    const act: Act = async (throttle) => {
      await throttle.hit('search', 3).catch(() => 'too much');
      await throttle.hit('upload');
    };
    await using app = await start(act);
    const answer = await app.send('/act');
    expect(answer.status).toBe(200);
    expect(limitHeaders(answer)).toEqual({
      'ratelimit-policy': '"search";q=2;w=60, "upload";q=10;w=60',
      ratelimit: '"search";r=2, "upload";r=9;t=60',
      'cache-control': 'no-store',
    });
  });

  it('delays the call under a policy with delays, and consume does not', async () => {
    const options = { policies: { calm: { rate: '1/s', strategy: 'leaky-bucket', burst: 3 } } };
    const act: Act = async (throttle) => {
      const { decisions } = await throttle.consume('calm');
      await throttle.hit('calm');
      return decisions[0]?.delayMs;
    };
    await using app = await start(act, {}, options);
    const answer = app.send('/act');
    while (app.clock.waiting === 0) await setImmediate();
    app.clock.advance(999);
    expect(app.clock.waiting).toBe(1);
    app.clock.advance(1);
    expect((await answer).text).toBe('0');
  });
});

@Injectable()
class MailService {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  async send(): Promise<void> {
    await setImmediate();
    await setTimeout(1);
    await Promise.all([Promise.resolve()]);
    await this.throttle.hit('search');
  }
}

@Injectable()
class PaidGuard implements CanActivate {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const isAsked = context.switchToHttp().getRequest<{ url: string }>().url.includes('context');
    await (isAsked ? this.throttle.hit(2, { on: context }) : this.throttle.hit(2));
    return true;
  }
}

@Controller()
class CallsController {
  constructor(@Inject(MailService) private readonly mail: MailService) {}

  @Post('mail') async send() {
    await this.mail.send();
  }

  @Throttle({ rate: '5/min', strategy }) @UseGuards(PaidGuard) @Get('guarded') guarded() {}

  @Throttle({ rate: '5/min', strategy }) @UseGuards(PaidGuard) @Get('guarded-context') guardedByContext() {}
}

describe.each(adapters)('hit finds its call on %s', (adapter) => {
  const start = () =>
    startApp({ adapter, controllers: [CallsController], providers: [MailService], options: { policies } });

  it('in a provider that the handler calls, after timers and promises, and a body', async () => {
    await using app = await start();
    const statuses = await app.statuses('/mail', 3, { method: 'POST', body: { to: ['ada', 'bob'] } });
    expect(statuses).toEqual([201, 201, 429]);
    expect((await app.send('/mail', { method: 'POST' })).headers.ratelimit).toBe('"search";r=0;t=60');
  });

  it.each(['guarded', 'guarded-context'])('in a guard that runs later: %s', async (path) => {
    await using app = await start();
    expect((await app.send(`/${path}`)).headers.ratelimit).toBe('"default";r=2;t=60');
    expect((await app.send(`/${path}`)).status).toBe(429);
  });
});
