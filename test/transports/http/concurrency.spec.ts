import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { by, type PolicyOptions, Throttle, ThrottleGuard } from '../../../src/index.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';

const strategies: readonly (readonly [strategy: string, more: Partial<PolicyOptions>])[] = [
  ['fixed-window', {}],
  ['sliding-window', {}],
  ['sliding-log', {}],
  ['token-bucket', {}],
  ['gcra', { burst: 50 }],
  ['leaky-bucket', {}],
];

@UseGuards(ThrottleGuard)
@Throttle('5/min', { strategy: 'fixed-window' })
@Controller()
class BoundTwiceController {
  @UseGuards(ThrottleGuard, ThrottleGuard)
  @Get('twice')
  twice(): string {
    return 'twice';
  }
}

@Injectable()
class AuthGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: { id: string } }>();
    const id = request.headers.authorization;
    if (id !== undefined) request.user = { id };
    return id !== undefined;
  }
}

@Controller('mine')
class UserController {
  @Throttle('2/min', { by: by.user(), strategy: 'fixed-window' })
  @Get()
  mine(): string {
    return 'mine';
  }
}

/** Runs ThrottleGuard by hand, and keeps what it says. */
@Injectable()
class WatchingGuard implements CanActivate {
  readonly said: unknown[] = [];

  constructor(@Inject(ThrottleGuard) private readonly guard: ThrottleGuard) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const answer = this.guard.canActivate(context);
    this.said.push(answer);
    return answer;
  }
}

describe.each(adapters)('calls at once on %s', (adapter) => {
  it.each(strategies)('under %s: of 200 exactly 50 pass', async (strategy, more) => {
    let handled = 0;

    @Controller('limited')
    class LimitedController {
      @Throttle('50/min', { strategy, ...more })
      @Get()
      async list(): Promise<string> {
        await setImmediate();
        return `${++handled}`;
      }
    }
    await using app = await startApp({ adapter, controllers: [LimitedController] });
    let answered = 0;
    const sent = Array.from({ length: 200 }, async () => {
      const { status } = await app.send('/limited');
      answered++;
      return status;
    });
    if (strategy === 'leaky-bucket') {
      await until(() => answered === 151);
      app.clock.advance(60_000);
    }
    const statuses = await Promise.all(sent);
    expect(statuses.filter((status) => status === 200)).toHaveLength(50);
    expect(statuses.filter((status) => status === 429)).toHaveLength(150);
    expect(handled).toBe(50);
  });

  it('with asynchronous by and cost: exactly the limit passes', async () => {
    @Controller('limited')
    class LimitedController {
      @Throttle('50/min', { by: async () => setImmediate('everybody'), cost: async () => setImmediate(2) })
      @Get()
      list(): string {
        return 'list';
      }
    }
    await using app = await startApp({ adapter, controllers: [LimitedController] });
    const answers = await Promise.all(Array.from({ length: 100 }, () => app.send('/limited')));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(25);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(75);
  });

  it('under two limits take from both or from none', async () => {
    @Controller('limited')
    class LimitedController {
      @Throttle('50/min', { name: 'all', strategy: 'fixed-window', by: by.all() })
      @Throttle('5/min', { name: 'each', strategy: 'fixed-window', by: by.header('x-key') })
      @Get()
      list(): string {
        return 'list';
      }
    }
    await using app = await startApp({ adapter, controllers: [LimitedController] });
    const send = (key: string) => app.send('/limited', { headers: { 'x-key': key } });
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => send(`key-${i % 4}`)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
    expect((await send('key-5')).headers.ratelimit).toBe('"all";r=29;t=60, "each";r=4;t=60');
  });
});

describe.each(adapters)('the guard on %s', (adapter) => {
  it.each([true, false])('charges once, even if it is bound several times (for all handlers: %p)', async (guard) => {
    await using app = await startApp({ adapter, controllers: [BoundTwiceController], options: { guard } });
    const answer = await app.send('/twice');
    expect([answer.status, answer.headers.ratelimit]).toEqual([200, '"default";r=4;t=60']);
    expect(await app.statuses('/twice', 5)).toEqual([200, 200, 200, 200, 429]);
  });

  it('that is not bound charges nothing', async () => {
    await using app = await startApp({
      adapter,
      controllers: [UserController],
      options: { guard: false, default: '1/min' },
    });
    for (let i = 0; i < 3; i++) {
      const answer = await app.send('/mine');
      expect([answer.status, limitHeaders(answer)]).toEqual([200, {}]);
    }
  });

  it('after the one that authenticates charges the user, and not rejected calls', async () => {
    await using app = await startApp({
      adapter,
      controllers: [UserController],
      providers: [
        { provide: APP_GUARD, useClass: AuthGuard },
        { provide: APP_GUARD, useClass: ThrottleGuard },
      ],
      options: { guard: false },
    });
    const as = (authorization: string) => ({ headers: { authorization } });
    expect(await app.statuses('/mine', 3, as('ann'))).toEqual([200, 200, 429]);
    expect(await app.statuses('/mine', 3, as('ben'))).toEqual([200, 200, 429]);
    const stranger = await app.send('/mine');
    expect([stranger.status, limitHeaders(stranger)]).toEqual([403, {}]);
  });

  it('returns a boolean instead of a promise if nothing has to be awaited', async () => {
    await using app = await startApp({
      adapter,
      controllers: [UserController],
      providers: [WatchingGuard, { provide: APP_GUARD, useExisting: WatchingGuard }],
      options: { guard: false },
    });
    expect(await app.statuses('/mine', 3)).toEqual([200, 200, 429]);
    // The third time it throws, at once.
    expect(app.app.get(WatchingGuard).said).toEqual([true, true]);
  });
});
