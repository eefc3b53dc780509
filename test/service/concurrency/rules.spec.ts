import { describe, expect, it } from '@jest/globals';
import { type CanActivate, Controller, type ExecutionContext, Get, UseGuards } from '@nestjs/common';
import {
  by,
  Concurrency,
  type Limit,
  SkipThrottle,
  Throttle,
  type ThrottleModuleOptions,
  ThrottleService,
} from '../../../src/index.js';
import { CallLimiter } from '../../../src/service/calls/call-limiter.js';
import { eventsOf, violationsIn } from '../../support/events.js';
import { adapters, startApp, type TestApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';
import { Gate } from '../outcomes/gate.js';

/** Finds the user after the guard of the library. */
class UserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest();
    request.user = { id: request.headers['x-user'] };
    return true;
  }
}

async function withApp(
  adapter: (typeof adapters)[number],
  limit: Limit,
  run: (app: TestApp, gate: Gate) => Promise<void>,
  options: ThrottleModuleOptions = {},
): Promise<void> {
  const gate = new Gate();

  @UseGuards(UserGuard)
  @Controller()
  class WorkController {
    @Throttle('work')
    @Get('jobs')
    async work(): Promise<string> {
      await gate.wait('work');
      return 'done';
    }

    @SkipThrottle('work')
    @Get('free')
    free(): string {
      return 'free';
    }
  }
  await using app = await startApp({
    adapter,
    controllers: [WorkController],
    options: { policies: { work: limit }, ...options },
  });
  await run(app, gate);
  gate.open('work');
  await until(() => app.app.get(CallLimiter).permits.size === 0);
}

const begun = (gate: Gate, count: number) => until(() => gate.begun.length === count);

describe.each(adapters)('a limit of concurrency on %s', (adapter) => {
  it('with a rate is all or none, both ways', () =>
    withApp(adapter, { rate: '2/hour', concurrency: 1, by: by.all() }, async (app, gate) => {
      const first = app.send('/jobs');
      await begun(gate, 1);
      // Denied by concurrency: nothing of the rate is taken.
      const denied = await app.send('/jobs');
      expect([denied.status, denied.body.policy]).toEqual([429, 'work-concurrency']);
      expect(denied.headers['ratelimit-policy']).toBe(
        '"work";q=2;w=3600, "work-concurrency";q=1;qu="concurrent-requests"',
      );
      expect(denied.headers.ratelimit).toMatch(/^"work";r=1;t=\d+, "work-concurrency";r=0$/);
      gate.open('work');
      expect((await first).status).toBe(200);
      const { permits } = app.app.get(CallLimiter);
      await until(() => permits.size === 0);
      const second = app.send('/jobs');
      await begun(gate, 2);
      gate.open('work');
      expect((await second).status).toBe(200);
      await until(() => permits.size === 0);
      // Denied by the rate: no permit is taken.
      const third = await app.send('/jobs');
      expect([third.status, third.body.policy, third.body.reason]).toEqual([429, 'work', 'rate']);
      expect(third.headers.ratelimit).toMatch(/"work-concurrency";r=1$/);
      expect(permits.size).toBe(0);
    }));

  it('by a user of a later guard takes its permits after the guards, and refunds the charges of the guard', () =>
    withApp(
      adapter,
      { concurrency: 1, by: by.user() },
      async (app, gate) => {
        const as = (user: string) => app.send('/jobs', { headers: { 'x-user': user } });
        const [ada, bob] = [as('ada'), as('bob')];
        await begun(gate, 2);
        const denied = await as('ada');
        expect([denied.status, denied.body.policy]).toEqual([429, 'work']);
        expect(await app.app.get(ThrottleService).stat('default', { subject: 'all' })).toMatchObject({ remaining: 8 });
        gate.open('work');
        expect([(await ada).status, (await bob).status]).toEqual([200, 200]);
      },
      { default: { rate: '10/hour', by: by.all() } },
    ));

  it('responds with 503 and problem details if configured', () =>
    withApp(
      adapter,
      { concurrency: { limit: 1, status: 503 }, by: by.all() },
      async (app, gate) => {
        const first = app.send('/jobs');
        await begun(gate, 1);
        const denied = await app.send('/jobs');
        expect(denied.status).toBe(503);
        expect(denied.headers['content-type']).toContain('application/problem+json');
        expect(denied.headers['retry-after']).toBe('1');
        expect(denied.body).toEqual({
          type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
          title: 'Service Unavailable',
          status: 503,
          detail: 'Too many requests at the same time. Retry in 1 second.',
          'violated-policies': ['work'],
          reason: 'concurrency',
          retryAfter: 1,
        });
        gate.open('work');
        await first;
      },
      { errors: 'problem' },
    ));

  it('holds as many permits as the weight of a call', () =>
    withApp(
      adapter,
      {
        concurrency: { limit: 5, weight: ({ request }) => Number(request?.headers['x-weight']) },
        by: by.all(),
      },
      async (app, gate) => {
        const weighing = (weight: number) => app.send('/jobs', { headers: { 'x-weight': String(weight) } });
        const first = weighing(3);
        await begun(gate, 1);
        const denied = await weighing(3);
        expect([denied.status, denied.headers.ratelimit]).toEqual([429, '"work";r=2']);
        const second = weighing(2);
        await begun(gate, 2);
        // It never fits.
        const never = await weighing(6);
        expect([never.status, never.headers['retry-after'], never.body.retryAfter]).toEqual([429, undefined, null]);
        gate.open('work');
        await Promise.all([first, second]);
      },
    ));

  it('that is monitored denies nothing, and reports what it would have denied', () =>
    withApp(adapter, { rate: '100/hour', concurrency: 1, by: by.all(), mode: 'monitor' }, async (app, gate) => {
      const events = eventsOf(app.app);
      const calls = [app.send('/jobs'), app.send('/jobs')];
      await begun(gate, 2);
      expect(violationsIn(events)).toEqual([['work-concurrency']]);
      expect(app.app.get(CallLimiter).permits.size).toBe(1);
      gate.open('work');
      expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200]);
    }));

  it('that is off takes no permit', () =>
    withApp(adapter, { concurrency: 1, by: by.all(), mode: 'off' }, async (app, gate) => {
      const calls = [app.send('/jobs'), app.send('/jobs')];
      await begun(gate, 2);
      expect(app.app.get(CallLimiter).permits.size).toBe(0);
      gate.open('work');
      await Promise.all(calls);
    }));

  it('does not apply to a handler that skips it', () =>
    withApp(adapter, { concurrency: 1, by: by.all() }, async (app, gate) => {
      const first = app.send('/jobs');
      await begun(gate, 1);
      expect((await app.send('/free')).status).toBe(200);
      gate.open('work');
      await first;
    }));
});

describe.each(adapters)('a client that goes before its handler runs, on %s', (adapter) => {
  it('frees its permit, and the handler does not run', async () => {
    const gate = new Gate();
    const ran: string[] = [];

    class SlowGuard implements CanActivate {
      async canActivate(): Promise<boolean> {
        await gate.wait('guard');
        return true;
      }
    }

    @UseGuards(SlowGuard)
    @Controller()
    class WorkController {
      @Concurrency(1, { by: by.all() })
      @Get('jobs')
      work(): string {
        ran.push('handler');
        return 'done';
      }
    }
    await using app = await startApp({ adapter, controllers: [WorkController] });
    const { permits } = app.app.get(CallLimiter);
    const client = new AbortController();
    const sent = app.send('/jobs', { signal: client.signal });
    await until(() => gate.begun.length === 1);
    expect(permits.size).toBe(1);
    client.abort();
    await expect(sent).rejects.toThrow('aborted');
    await until(() => permits.size === 0);
    gate.open('guard');
    await until(() => gate.ended.length === 1);
    const next = app.send('/jobs');
    await until(() => gate.begun.length === 2);
    gate.open('guard');
    expect((await next).status).toBe(200);
    expect(ran).toEqual(['handler']);
  });
});
