import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  type INestApplication,
  Injectable,
  Post,
  UseGuards,
} from '@nestjs/common';
import {
  type Backend,
  by,
  MemoryBackend,
  RedisBackend,
  SkipThrottle,
  Throttle,
  ThrottleConfigError,
  type ThrottleModuleOptions,
  throttleRequests,
} from '../../../src/index.js';
import { startupError } from '../../support/application.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';
import { PATIENT_MS } from '../../support/redis/faults.js';
import { connect, RedisServer } from '../../support/redis/redis.js';

const strategy = 'fixed-window';
const requests = (rate: string) => ({ rate, strategy });

@Injectable()
class AuthGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: { id: string } }>();
    const id = request.headers.authorization;
    if (id !== undefined) request.user = { id };
    return id !== undefined;
  }
}

let handled = 0;

@Controller()
class SiteController {
  @Get('open') open() {
    handled += 1;
    return 'open';
  }

  @SkipThrottle() @Get('skipped') skipped() {}

  @Post('form') form() {}

  @Throttle({ rate: '1/min', strategy }) @Get('tight') tight() {}

  @UseGuards(AuthGuard)
  @Throttle({ rate: '1/min', strategy, by: by.user(), name: 'mine' })
  @Get('mine')
  mine() {}
}

const preflight = {
  method: 'OPTIONS',
  headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
};

describe.each(adapters)('requests in the module on %s', (adapter) => {
  const start = (options: ThrottleModuleOptions, prepare?: (app: INestApplication) => void) =>
    startApp({ adapter, controllers: [SiteController], options, ...(prepare && { prepare }) });

  it('limit all requests by address: handlers, skipped ones, 404s, bodies, every method', async () => {
    await using app = await start({ requests: requests('7/min') });
    const statuses = [
      (await app.send('/open')).status,
      (await app.send('/skipped')).status,
      (await app.send('/nowhere')).status,
      (await app.send('/../.env')).status,
      (await app.send('/form', { method: 'POST', body: { a: 1 } })).status,
      (await app.send('/open', { method: 'HEAD' })).status,
      (await app.send('/nowhere', { method: 'DELETE' })).status,
    ];
    expect(statuses).toEqual([200, 200, 404, 404, 201, 200, 404]);
    const count = handled;
    for (const path of ['/open', '/skipped', '/nowhere']) expect(await app.statuses(path, 1)).toEqual([429]);
    expect(handled).toBe(count);
    app.clock.advance(60_000);
    expect(await app.statuses('/nowhere', 1)).toEqual([404]);
  });

  it('deny with the headers and the body of any denial', async () => {
    await using app = await start({ requests: '1/min' });
    expect(limitHeaders(await app.send('/nowhere'))).toMatchObject({ 'ratelimit-policy': '"requests";q=1;w=60' });
    const answer = await app.send('/nowhere');
    expect(answer.status).toBe(429);
    expect(limitHeaders(answer)).toEqual({
      'ratelimit-policy': '"requests";q=1;w=60',
      ratelimit: expect.stringMatching(/^"requests";r=0;t=\d+$/),
      'retry-after': expect.stringMatching(/^\d+$/),
      'cache-control': 'no-store',
    });
    expect(answer.body).toMatchObject({ statusCode: 429, policy: 'requests' });
  });

  it('are decided separately, and not refunded when a limit of the handler denies', async () => {
    await using app = await start({ requests: requests('4/min') });
    const answer = await app.send('/tight');
    expect(answer.headers.ratelimit).toBe('"requests";r=3;t=60, "default";r=0;t=60');
    expect(await app.statuses('/tight', 4)).toEqual([429, 429, 429, 429]);
    expect((await app.send('/open')).body).toMatchObject({ policy: 'requests' });
  });

  it('are not refunded by the handler phase, or by a guard that refuses', async () => {
    await using app = await start({ requests: requests('5/min') });
    const ann = { headers: { authorization: 'ann' } };
    expect(await app.statuses('/mine', 3, ann)).toEqual([200, 429, 429]);
    expect(await app.statuses('/mine', 1)).toEqual([403]);
    expect((await app.send('/open')).headers.ratelimit).toBe('"requests";r=0;t=60');
    expect(await app.statuses('/open', 1)).toEqual([429]);
  });

  it.each(['with CORS', 'without CORS'])('are not charged for CORS preflights %s', async (cors) => {
    await using app = await start({ requests: requests('1/min') }, (nest) => {
      if (cors === 'with CORS') nest.enableCors();
    });
    const statuses = await app.statuses('/form', 3, preflight);
    expect(new Set(statuses)).toEqual(new Set([cors === 'with CORS' ? 204 : 404]));
    expect(await app.statuses('/open', 2)).toEqual([200, 429]);
    // Any other OPTIONS request is a request. Nest's CORS answers those by itself.
    if (cors === 'without CORS') expect(await app.statuses('/open', 1, { method: 'OPTIONS' })).toEqual([429]);
    else {
      const denied = await app.send('/open', { headers: { origin: 'https://a.example' } });
      expect([denied.status, denied.headers['access-control-allow-origin']]).toEqual([429, '*']);
    }
  });

  it('run after the middleware of main.ts, which can identify the caller', async () => {
    const seen: string[] = [];
    await using app = await start(
      { requests: { ...requests('1/min'), by: ({ request }) => `tenant:${String(request?.headers['x-tenant'])}` } },
      (nest) => {
        nest.use((request: { headers: Record<string, string>; url: string }, _response: unknown, next: () => void) => {
          seen.push(request.url);
          request.headers['x-tenant'] = request.headers['x-key'] ?? 'none';
          next();
        });
      },
    );
    const key = (value: string) => ({ headers: { 'x-key': value } });
    expect(await app.statuses('/open', 2, key('a'))).toEqual([200, 429]);
    expect(await app.statuses('/nowhere', 2, key('b'))).toEqual([404, 429]);
    expect(seen).toEqual(['/open', '/open', '/nowhere', '/nowhere']);
  });

  it('wait for an asynchronous backend, and support skip, several rates and names', async () => {
    const memory = new MemoryBackend();
    const backend: Backend = {
      spend: async (charges) => memory.spend(charges),
      peek: (charges) => memory.peek(charges),
      settle: (receipt, costs) => memory.settle(receipt, costs),
      reset: (targets) => memory.reset(targets),
    };
    const skip = ({ request }: { request?: { url?: string } | undefined }) => request?.url === '/health';
    await using app = await start({
      backend,
      requests: { rate: '2/day; 3/7d', strategy, name: 'site', skip: (call) => skip(call) },
    });
    expect(await app.statuses('/health', 4)).toEqual([404, 404, 404, 404]);
    expect((await app.send('/open')).headers['ratelimit-policy']).toBe('"site-1d";q=2;w=86400, "site-1w";q=3;w=604800');
    expect(await app.statuses('/nowhere', 2)).toEqual([404, 429]);
  });

  it('need no other limit', async () => {
    @Controller()
    class OpenController {
      @Get('open') open() {}
    }
    const warnings: string[] = [];
    await using app = await startApp({
      adapter,
      controllers: [OpenController],
      options: { requests: '1/day' },
      warnings,
    });
    expect(await app.statuses('/open', 2)).toEqual([200, 429]);
    expect(warnings).toEqual([]);
  });
});

describe.each(adapters)('throttleRequests(app) on %s', (adapter) => {
  it('charges before all other middleware, and once', async () => {
    const reached: string[] = [];
    await using app = await startApp({
      adapter,
      controllers: [SiteController],
      options: { requests: requests('3/min') },
      prepare: (nest) => {
        nest.use(throttleRequests(nest));
        nest.use((request: { url: string }, _response: unknown, next: () => void) => {
          reached.push(request.url);
          next();
        });
      },
    });
    expect((await app.send('/open')).headers.ratelimit).toBe('"requests";r=2;t=60');
    expect(await app.statuses('/form', 1, preflight)).toEqual([404]);
    expect(await app.statuses('/nowhere', 3)).toEqual([404, 404, 429]);
    expect(reached).toEqual(['/open', '/form', '/nowhere', '/nowhere']);
    const denied = await app.send('/open');
    expect([denied.status, limitHeaders(denied)]).toEqual([
      429,
      {
        'ratelimit-policy': '"requests";q=3;w=60',
        ratelimit: '"requests";r=0;t=60',
        'retry-after': '60',
        'cache-control': 'no-store',
      },
    ]);
    expect(denied.body).toMatchObject({ policy: 'requests', retryAfter: 60 });
  });

  it('is an error if there is no limit of requests', async () => {
    const start = startApp({
      adapter,
      prepare: (nest) => {
        throttleRequests(nest);
      },
    });
    await expect(start).rejects.toThrow(
      new ThrottleConfigError(
        'SLUICE_NOT_CONFIGURED',
        'throttleRequests(app): the options of ThrottleModule have no limit of requests. Add it: ThrottleModule.forRoot({ requests: "1000/min" }).',
      ),
    );
  });
});

describe('throttleRequests(app) on express', () => {
  it('charges static files, which Express serves before the module sees the requests', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-static-'));
    await writeFile(join(folder, 'logo.txt'), 'logo');
    const statusesOf = async (isFirst: boolean) => {
      await using app = await startApp({
        adapter: 'express',
        options: { requests: requests('1/min') },
        prepare: (nest) => {
          if (isFirst) nest.use(throttleRequests(nest));
          Reflect.get(nest, 'useStaticAssets').call(nest, folder);
        },
      });
      return await app.statuses('/logo.txt', 3);
    };
    expect(await statusesOf(true)).toEqual([200, 429, 429]);
    expect(await statusesOf(false)).toEqual([200, 200, 200]);
  });
});

describe('requests in a fleet on Redis', () => {
  it.each(adapters)('share one budget over all processes, including 404s (%s)', async (adapter) => {
    await using server = await RedisServer.start();
    const client = await connect(server);
    const start = () =>
      startApp({
        adapter,
        controllers: [SiteController],
        options: {
          backend: new RedisBackend(client, { timeoutMs: PATIENT_MS }),
          requests: { rate: '3/day', strategy: 'sliding-log' },
        },
      });
    {
      await using one = await start();
      await using other = await start();
      const statuses = [
        ...(await one.statuses('/nowhere', 2)),
        ...(await other.statuses('/open', 2)),
        ...(await one.statuses('/open', 1)),
      ];
      expect(statuses).toEqual([404, 404, 200, 429, 429]);
      const keys = await client.keys('*');
      // The check at startup has left one for a second.
      expect(keys.filter((key) => !key.startsWith('sluice:{startup}'))).toEqual([
        'sluice:{ip:127.0.0.1}:requests@handler:app:l86400000',
      ]);
    }
    client.disconnect();
  });
});

const untyped = (value: unknown) => value as never;
const place = 'ThrottleModule.requests';
const A_LIMIT = 'a rate such as "1000/min", or options with a rate';

describe('the option requests stops startup', () => {
  it.each<[unknown, string]>([
    [5, `${place}: expected ${A_LIMIT}, got 5 (number)`],
    [['5/min'], `${place}: expected ${A_LIMIT}, got ["5/min"]`],
    [
      undefined,
      `${place}: expected ${A_LIMIT}, got undefined. Is an environment variable or a configuration value missing? Leave the option out to use its default: no limit of all requests.`,
    ],
    [
      '',
      `${place}.rate: expected "<count>/<unit>" such as "5/min", "10 per 30 seconds", "10/s; 200/hour" or "unlimited", got ""`,
    ],
    [{}, `${place}.rate: expected a rate such as "5/min", got none`],
    [{ rate: '5/min', scope: 'app' }, `${place}.scope: cannot be used in a limit of requests. Leave it out.`],
    [{ rate: '5/min', phase: 'handler' }, `${place}.phase: cannot be used in a limit of requests. Leave it out.`],
    [{ rate: '5/min', id: 'a' }, `${place}.id: cannot be used in a limit of requests. Leave it out.`],
  ])('if it is %j', async (value, message) => {
    expect(await startupError(() => ({ options: { requests: untyped(value) } }))).toBe(message);
  });

  it('if a policy has its name', async () => {
    const policies = { requests: '5/min' };
    expect(await startupError(() => ({ options: { requests: '9/min', policies } }))).toBe(
      `${place}: a policy is already named "requests". Rename this limit: { name: "all-requests" }.`,
    );
    expect(
      await startupError(() => ({ options: { requests: { rate: '9/min', name: 'all-requests' }, policies } })),
    ).toBeNull();
  });
});
