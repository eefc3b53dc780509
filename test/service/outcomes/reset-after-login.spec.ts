import { describe, expect, it } from '@jest/globals';
import { Controller, Inject, Post, Req, UnauthorizedException } from '@nestjs/common';
import { by, type HttpRequest, type PolicyOptions, Throttle, ThrottleService } from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { adapters, startApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';
import { Gate } from './gate.js';

/** Failures of an account. A successful login resets them. */
const account: PolicyOptions = {
  rate: '3/day',
  by: ({ request }) => `account:${request?.headers['x-name']}`,
  chargeWhen: 'failure',
};

const limits: readonly (readonly [kind: string, limit: PolicyOptions])[] = [
  ['a sliding window', account],
  ['a fixed window', { ...account, strategy: 'fixed-window' }],
  ['a sliding log', { ...account, strategy: 'sliding-log' }],
  ['a token bucket', { ...account, strategy: 'token-bucket' }],
  ['gcra', { ...account, strategy: 'gcra', burst: 3 }],
  ['a quota of a calendar', { ...account, strategy: 'calendar' }],
  ['several rates', { ...account, rate: '3/hour; 30/day' }],
  ['a rate that is a function', { ...account, rate: () => '3/day' }],
  ['overrides', { ...account, overrides: true }],
  ['a handler phase', { ...account, phase: 'handler' }],
];

describe.each(adapters)('reset after a login on %s', (adapter) => {
  // The strategies do not depend on the adapter.
  it.each(adapter === 'express' ? limits : limits.slice(0, 1))(
    'drops the earlier failures of the account, and no others, under %s',
    async (_, limit) => {
      @Controller()
      class LoginController {
        constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

        @Throttle(['login', 'attempts'])
        @Post('login')
        async login(@Req() request: HttpRequest): Promise<string> {
          if (request.headers['x-password'] !== 'sesame') throw new UnauthorizedException();
          await this.throttle.reset('login', { on: request });
          return 'welcome';
        }
      }
      const backend = new CountedBackend();
      const attempts = { rate: '7/day', strategy: 'fixed-window', by: by.ip() } as const;
      await using app = await startApp({
        adapter,
        controllers: [LoginController],
        options: { backend, policies: { login: limit, attempts } },
      });
      const login = async (name: string, password: string) =>
        (await app.send('/login', { method: 'POST', headers: { 'x-name': name, 'x-password': password } })).status;

      expect([await login('ada', 'wrong'), await login('ada', 'wrong')]).toEqual([401, 401]);
      expect([await login('bob', 'wrong'), await login('ada', 'sesame')]).toEqual([401, 201]);
      const throttle = app.app.get(ThrottleService);
      const remaining = async (name: string) =>
        (await throttle.stat('login', { subject: `account:${name}` }))?.remaining;
      expect([await remaining('ada'), await remaining('bob')]).toEqual([3, 2]);
      // The count of the other limit stays.
      expect((await throttle.stat('attempts', { subject: 'ip:127.0.0.1' }))?.remaining).toBe(3);
      expect([await login('ada', 'wrong'), await login('ada', 'wrong'), await login('ada', 'wrong')]).toEqual([
        401, 401, 401,
      ]);
      expect(await login('ada', 'sesame')).toBe(429);
    },
  );

  it('does not return units of later calls when the login ends', async () => {
    const gate = new Gate();

    @Controller()
    class SlowLoginController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Throttle('login')
      @Post('login')
      async login(@Req() request: HttpRequest): Promise<string> {
        if (request.headers['x-password'] !== 'sesame') throw new UnauthorizedException();
        await this.throttle.reset('login');
        await gate.wait('login');
        return 'welcome';
      }
    }
    const backend = new CountedBackend();
    const policies = { login: { ...account, strategy: 'fixed-window' } } as const;
    await using app = await startApp({ adapter, controllers: [SlowLoginController], options: { backend, policies } });
    const login = (password: string) =>
      app.send('/login', { method: 'POST', headers: { 'x-name': 'ada', 'x-password': password } });
    const remaining = async () =>
      (await app.app.get(ThrottleService).stat('login', { subject: 'account:ada' }))?.remaining;

    const good = login('sesame');
    await until(() => gate.begun.length === 1);
    expect((await login('wrong')).status).toBe(401);
    gate.open('login');
    expect((await good).status).toBe(201);
    expect((await login('wrong')).status).toBe(401);
    expect([await remaining(), backend.settled]).toEqual([1, []]);
  });
});
