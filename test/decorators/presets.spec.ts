import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  HttpCode,
  Inject,
  Injectable,
  Post,
  type Type,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  by,
  type Call,
  type MoreOptions,
  type Preset,
  type Presets,
  presets,
  Throttle,
  ThrottleService,
} from '../../src/index.js';
import { reportedLimits } from '../../src/testing/index.js';
import { startupError } from '../support/application.js';
import { startSockets, transports } from '../support/gateway-app.js';
import { adapters, type RequestOptions, startApp, type TestApp } from '../support/http-app.js';

const SECOND = 1000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;

function controllerUnder(preset: Preset, more: MoreOptions = {}): Type {
  @Throttle(preset, more)
  @Controller('try')
  class TriedController {
    @Get()
    read(): string {
      return 'ok';
    }

    @HttpCode(200)
    @Post()
    write(): string {
      return 'ok';
    }
  }
  return TriedController;
}

/** Sends requests until one is denied, `max` at most: how many were admitted, and the policy that denied. */
async function admitted(app: TestApp, options: (i: number) => RequestOptions, max = 2000): Promise<[number, unknown]> {
  for (let i = 0; i < max; i++) {
    const { status, body } = await app.send('/try', options(i));
    if (status !== 200) return [i, body.policy];
  }
  return [max, undefined];
}

describe('presets', () => {
  it('are frozen, down to their functions', () => {
    const thaw = (value: unknown): unknown[] => {
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return [];
      return [...(Object.isFrozen(value) ? [] : [value]), ...Object.values(value).flatMap(thaw)];
    };
    expect(thaw(presets)).toEqual([]);
  });

  it('equal those in the documentation', () => {
    expect(Object.keys(presets)).toEqual([
      'PUBLIC_API',
      'AUTH',
      'OTP_SEND',
      'OTP_VERIFY',
      'PASSWORD_RESET',
      'EXPENSIVE',
      'UPLOAD',
      'LLM',
      'WS_MESSAGES',
    ]);
  });

  it('may be used together, on one handler and in the module', async () => {
    await using app = await startApp({
      adapter: 'express',
      controllers: [controllerUnder(Object.values<Preset>({ ...presets }).flat())],
      options: { default: presets.PUBLIC_API },
    });
    expect((await app.send('/try')).status).toBe(200);
  });
});

describe('a preset by address or user', () => {
  const noOptions = () => ({});

  it.each<
    readonly [
      name: keyof Presets,
      burst: number,
      refillMs: number,
      burstPolicy: string,
      total: number,
      totalPolicy: string,
    ]
  >([
    ['PUBLIC_API', 30, 100, 'public-burst', 1000, 'public-hourly'],
    ['EXPENSIVE', 3, 6 * SECOND, 'expensive-burst', 100, 'expensive-hourly'],
    ['UPLOAD', 10, 3 * SECOND, 'upload-burst', 200, 'upload-daily'],
    ['LLM', 5, 6 * SECOND, 'llm-burst', 200, 'llm-daily'],
  ])(
    '%s admits a burst of %i, then one each %i ms, and at most its total',
    async (name, burst, refillMs, burstPolicy, total, totalPolicy) => {
      // Calls of several units, where each by itself would take a test too long.
      const cost = ({ request }: Call) => Number(request?.headers['x-cost'] ?? 1);
      await using app = await startApp({
        adapter: 'express',
        controllers: [controllerUnder(presets[name], { cost })],
      });
      expect(await admitted(app, noOptions)).toEqual([burst, burstPolicy]);
      app.clock.advance(refillMs - 1);
      expect(await admitted(app, noOptions)).toEqual([0, burstPolicy]);
      app.clock.advance(1);
      expect(await admitted(app, noOptions)).toEqual([1, burstPolicy]);
      let count = burst + 1;
      while (count < total) {
        const units = Math.min(burst, total - count);
        app.clock.advance(refillMs * burst);
        expect((await app.send('/try', { headers: { 'x-cost': units } })).status).toBe(200);
        count += units;
      }
      app.clock.advance(refillMs * burst);
      expect(await admitted(app, noOptions)).toEqual([0, totalPolicy]);
    },
  );
});

describe('presets.AUTH', () => {
  it('resets the attempts on an account by its name, but not those of the address', async () => {
    @Controller()
    class LoginController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Throttle(presets.AUTH, { context: { account: 'email' } })
      @HttpCode(200)
      @Post('login')
      login(): Promise<void> {
        return this.throttle.reset('auth-account');
      }
    }
    await using app = await startApp({ adapter: 'express', controllers: [LoginController] });
    const post = () => app.send('/login', { method: 'POST', body: { email: 'ann@example.org' } });
    await post();
    const { limits } = reportedLimits(await post());
    expect(limits.map(({ policy, remaining }) => [policy, remaining])).toEqual([
      ['auth-address-1m', 8],
      ['auth-address-1h', 98],
      ['auth-account-15m', 9],
      ['auth-account-1d', 49],
    ]);
  });
});

describe.each(adapters)('a preset by address and account, on %s', (adapter) => {
  const start = (name: keyof Presets, more: MoreOptions = { context: { account: 'email' } }) =>
    startApp({
      adapter,
      controllers: [controllerUnder(presets[name], more)],
      prepare: (app) => {
        const instance: { set?(name: string, value: unknown): void } = app.getHttpAdapter().getInstance();
        instance.set?.('trust proxy', 'loopback');
      },
      fastify: { trustProxy: '127.0.0.1' },
    });
  /** A request of one of many addresses. */
  const post = (address: number, email: unknown): RequestOptions => ({
    method: 'POST',
    headers: { 'x-forwarded-for': `192.0.2.${address}` },
    body: { email },
  });
  const fromEverywhere = (i: number) => post(i % 200, 'Ann@Example.org');
  const fromOne = (i: number) => post(1, `user-${i}@example.org`);

  type Rounds = readonly (readonly [ms: number, count: number, policy: string])[];

  it.each<readonly [name: keyof Presets, address: Rounds, account: Rounds]>([
    [
      'AUTH',
      [
        ...Array.from({ length: 9 }, () => [MINUTE, 10, 'auth-address-1m'] as const),
        [MINUTE, 10, 'auth-address-1h'],
        [MINUTE, 0, 'auth-address-1h'],
        [HOUR - 10 * MINUTE, 10, 'auth-address-1m'],
      ],
      [
        ...Array.from({ length: 4 }, () => [15 * MINUTE, 10, 'auth-account-15m'] as const),
        [15 * MINUTE, 10, 'auth-account-1d'],
        [DAY - HOUR, 10, 'auth-account-15m'],
      ],
    ],
    [
      'OTP_SEND',
      [
        [0, 10, 'otp-send-address-1h'],
        [HOUR, 10, 'otp-send-address-1h'],
        [HOUR, 10, 'otp-send-address-1d'],
        [DAY - 2 * HOUR, 10, 'otp-send-address-1h'],
      ],
      [
        ...Array.from({ length: 4 }, () => [MINUTE, 1, 'otp-send-account-1m'] as const),
        [MINUTE, 1, 'otp-send-account-1h'],
        [HOUR - 5 * MINUTE, 0, 'otp-send-account-1h'],
        ...Array.from({ length: 4 }, () => [MINUTE, 1, 'otp-send-account-1m'] as const),
        [MINUTE, 1, 'otp-send-account-1d'],
      ],
    ],
    [
      'OTP_VERIFY',
      [
        ...Array.from({ length: 4 }, () => [10 * MINUTE, 20, 'otp-verify-address-10m'] as const),
        [10 * MINUTE, 20, 'otp-verify-address-1d'],
      ],
      [
        ...Array.from({ length: 3 }, () => [10 * MINUTE, 5, 'otp-verify-account-10m'] as const),
        [10 * MINUTE, 5, 'otp-verify-account-1d'],
        [DAY - 30 * MINUTE, 5, 'otp-verify-account-10m'],
      ],
    ],
    [
      'PASSWORD_RESET',
      [
        [0, 10, 'password-reset-address-1h'],
        [HOUR, 10, 'password-reset-address-1h'],
        [HOUR, 10, 'password-reset-address-1d'],
      ],
      [
        [0, 3, 'password-reset-account-1h'],
        [HOUR, 2, 'password-reset-account-1d'],
        [DAY - HOUR, 3, 'password-reset-account-1h'],
      ],
    ],
  ])('%s admits its limits by address and by account', async (name, address, account) => {
    for (const [rounds, request] of [
      [address, fromOne],
      [account, fromEverywhere],
    ] as const) {
      await using app = await start(name);
      let sent = 0;
      for (const [ms, count, policy] of rounds) {
        app.clock.advance(ms);
        expect([ms, ...(await admitted(app, () => request(sent++), 200))]).toEqual([ms, count, policy]);
      }
    }
  });

  it('counts all spellings of an account as one, and all invalid names as one', async () => {
    await using app = await start('PASSWORD_RESET');
    const spellings = ['ann@example.org', ' ANN@example.org ', ['Ann@Example.org'], 'ａnn@example.org'];
    expect(await admitted(app, (i) => post(i, spellings[i % 4]))).toEqual([3, 'password-reset-account-1h']);
    expect(await admitted(app, (i) => post(i, [{ $ne: null }, { $gt: '' }, true, ['a', 'b']][i % 4]))).toEqual([
      3,
      'password-reset-account-1h',
    ]);
    expect(await admitted(app, (i) => post(i, `${' '.repeat(i)}${'b'.repeat(300)}${i}`))).toEqual([
      3,
      'password-reset-account-1h',
    ]);
    expect(await admitted(app, (i) => post(i, ['', null, undefined][i % 3]), 30)).toEqual([30, undefined]);
  });

  it('limits addresses only, without context.account', async () => {
    await using app = await start('PASSWORD_RESET', {});
    expect(await admitted(app, fromEverywhere, 30)).toEqual([30, undefined]);
    expect(await admitted(app, () => post(250, 'ann'))).toEqual([10, 'password-reset-address-1h']);
  });

  it('finds a nested account', async () => {
    await using app = await start('PASSWORD_RESET', { context: { account: 'user.mail' } });
    const nested = (i: number) => ({ ...post(i, ''), body: { user: { mail: 'ann' } } });
    expect(await admitted(app, nested)).toEqual([3, 'password-reset-account-1h']);
  });

  it('OTP_VERIFY counts by user if the body has no account', async () => {
    @Injectable()
    class UserGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        const request = context.switchToHttp().getRequest<{ user?: object; headers: Record<string, string> }>();
        const { 'x-user': id } = request.headers;
        if (id !== undefined) request.user = { id };
        return true;
      }
    }
    await using app = await startApp({
      adapter,
      controllers: [controllerUnder(presets.OTP_VERIFY)],
      providers: [{ provide: APP_GUARD, useClass: UserGuard }],
    });
    const from = (user: string) => ({ method: 'POST', body: {}, headers: { 'x-user': user } });
    for (const user of ['ann', 'ben']) {
      expect(await admitted(app, () => from(user))).toEqual([5, 'otp-verify-account-10m']);
    }
    expect(await admitted(app, () => ({ method: 'POST', body: {} }))).toEqual([10, 'otp-verify-address-10m']);
  });

  it.each([
    [
      { acount: 'email' },
      'SLUICE_UNKNOWN_OPTION',
      /^hit\(\{ context \}\): expected "account", .*Did you mean "account"\?/,
    ],
    [{ account: 5 }, 'SLUICE_INVALID_OPTION', /^hit\(\{ context \}\)\.account: expected .*, got 5 \(number\)/],
  ])('a call by hand with %j rejects', async (context, code, problem) => {
    const [, limit = { rate: '1/s' }] = presets.PASSWORD_RESET;
    const { name, ...account } = limit;
    await using app = await startApp({ adapter, controllers: [], options: { policies: { account } } });
    const throttle = app.app.get(ThrottleService);
    const charge = throttle.hit('account', 1, { context });
    await expect(charge).rejects.toMatchObject({ code, problem: expect.stringMatching(problem) });
    // With a subject, the preset does not look for the account.
    await expect(throttle.hit('account', 1, { subject: 'ann', context })).resolves.toMatchObject({ allowed: true });
  });
});

describe('a context that a preset cannot use stops startup', () => {
  const place = '@Throttle on TriedController, context';
  const path = 'the path of a member of the body such as "email"';
  const without = 'Without it, no account would be limited.';
  const accountPresets = ['AUTH', 'OTP_SEND', 'OTP_VERIFY', 'PASSWORD_RESET'] as const;
  const boot = (preset: Preset, context: Record<string, unknown>) =>
    startupError(() => ({ options: {}, controllers: [controllerUnder(preset, { context })] }));

  it.each(accountPresets)('%s with a misspelt or invalid account', async (name) => {
    const reads = `The limit "${presets[name][1]?.name}" reads it. ${without}`;
    for (const misspelt of ['acount', 'Account', 'accounts']) {
      expect(await boot(presets[name], { [misspelt]: 'email' })).toBe(
        `${place}: expected "account", ${path}, got "${misspelt}". Did you mean "account"? ${reads}`,
      );
    }
    for (const [account, found] of [
      [5, '5 (number)'],
      ['', '""'],
      ['user..mail', '"user..mail"'],
    ] as const) {
      expect(await boot(presets[name], { account })).toBe(`${place}.account: expected ${path}, got ${found}. ${reads}`);
    }
    expect(await boot(presets[name], { account: undefined })).toBe(
      `${place}.account: expected ${path}, got undefined. Is an environment variable or a configuration value missing? ${reads}`,
    );
  });

  it('also of a policy of the module, and where it is used', async () => {
    const { name, ...login } = presets.AUTH[1] ?? { rate: '1/s' };
    const start = (context: Record<string, unknown>, used: Record<string, unknown>) => {
      @Controller()
      class UsedController {
        @Throttle('login', { context: used }) @Post() login() {}
      }
      return startupError(() => ({
        options: { policies: { login: { ...login, context } } },
        controllers: [UsedController],
      }));
    };
    expect(await start({ acount: 'email' }, {})).toBe(
      `policies.login.context: expected "account", ${path}, got "acount". Did you mean "account"? The policy reads it. ${without}`,
    );
    expect(await start({}, { account: 5 })).toMatch(
      /^@Throttle\("login"\) on UsedController\.login, context\.account:/,
    );
    expect(await start({ account: 'email' }, { acount: 'of the application' })).toBeNull();
  });

  it('and so does a preset that is spread into an object', async () => {
    const spread = JSON.parse(JSON.stringify({ ...presets.AUTH }));
    const problem =
      'expected options of a limit, got a list that was spread into an object. Pass the list itself, such as presets.AUTH, or spread it into a list: [...presets.AUTH].';
    const onHandler = () => ({ options: {}, controllers: [controllerUnder(spread)] });
    expect(await startupError(onHandler)).toBe(`@Throttle on TriedController: ${problem}`);
    expect(await startupError(() => ({ options: { default: spread } }))).toBe(`default: ${problem}`);
  });

  it('also if the preset is part of by.first or by.each', async () => {
    const byAccount = presets.AUTH[1]?.by ?? by.ip();
    for (const combined of [by.first(byAccount, by.user()), by.each(by.ip(), by.first(by.user(), byAccount))]) {
      const limit = { name: 'mine', rate: '5/min', by: combined };
      expect(await boot([limit], { acount: 'email' })).toBe(
        `${place}: expected "account", ${path}, got "acount". Did you mean "account"? The limit "mine" reads it. ${without}`,
      );
      expect(await boot([limit], { account: 5 })).toMatch(/, context\.account: expected .*, got 5 \(number\)/);
      expect(await boot([limit], { account: 'email' })).toBeNull();
    }
  });

  it('but other members belong to the application', async () => {
    const others = { scope: 'eu', user: 7, acount: 'mine' };
    expect(await boot(presets.AUTH, { ...others, account: 'email' })).toBeNull();
    expect(await boot(presets.AUTH, { scope: 'eu', user: 7 })).toBeNull();
    for (const name of ['PUBLIC_API', 'EXPENSIVE', 'UPLOAD', 'LLM', 'WS_MESSAGES'] as const) {
      expect(await boot(presets[name], { ...others, account: 5 })).toBeNull();
    }
  });
});

@Throttle(presets.WS_MESSAGES)
@WebSocketGateway()
class ChatGateway {
  @SubscribeMessage('say')
  say(): unknown {
    return { event: 'said', data: 1 };
  }
}

describe.each(transports)('WS_MESSAGES on %s', (transport) => {
  it('admits a burst of 20 on each connection, then one each 600 ms', async () => {
    await using sockets = await startSockets({ transport, gateways: [ChatGateway] });
    for (let connection = 0; connection < 2; connection++) {
      const socket = await sockets.connect();
      const say = async () => {
        socket.send('say');
        return (await socket.next()).event;
      };
      for (let i = 0; i < 20; i++) expect(await say()).toBe('said');
      expect(await say()).toBe('rate_limit');
      sockets.clock.advance(600);
      expect(await say()).toBe('said');
    }
  });

  it('admits 600 messages a minute from an address, over any number of connections', async () => {
    await using sockets = await startSockets({ transport, gateways: [ChatGateway] });
    for (let connection = 0; connection < 30; connection++) {
      const socket = await sockets.connect();
      for (let i = 0; i < 20; i++) {
        socket.send('say');
        expect((await socket.next()).event).toBe('said');
      }
    }
    const socket = await sockets.connect();
    socket.send('say');
    expect(await socket.next()).toMatchObject({ event: 'rate_limit', data: { policy: 'messages-address' } });
  });
});
