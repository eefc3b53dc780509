import { once } from 'node:events';
import http2 from 'node:http2';
import { describe, expect, it } from '@jest/globals';
import { type ArgumentsHost, Catch, Controller, type ExceptionFilter, Get, type HttpException } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import {
  by,
  type CallOptions,
  isThrottled,
  Throttle,
  ThrottleConfigError,
  ThrottleException,
  type ThrottleModuleOptions,
  ThrottleService,
} from '../../../src/index.js';
import { limitHeaders } from '../../support/header-fields.js';
import { type AdapterName, adapters, startApp, type TestApp } from '../../support/http-app.js';

const strategy = 'fixed-window';
const policies = { early: { rate: '1/min', strategy } };

@Controller()
class ListController {
  @Get('list') list() {
    return 'list';
  }

  @Throttle({ rate: '9/min', strategy, name: 'guarded' })
  @Get('guarded')
  guarded() {
    return 'guarded';
  }
}

type Next = (error?: unknown) => void;
type Hit = (throttle: ThrottleService, call: CallOptions) => Promise<unknown>;
const hit: Hit = (throttle, call) => throttle.hit('early', 1, call);

/** The places before Nest's guards where a call can be charged. */
const places: readonly (readonly [
  adapter: AdapterName,
  place: string,
  install: (app: TestApp['app'], act: Hit) => void,
])[] = [
  ...adapters.map((adapter) => [adapter, 'middleware', useMiddleware] as const),
  ['fastify', 'an onRequest hook', useHook('onRequest', ({ request }) => request)],
  [
    'fastify',
    "an onRequest hook, by Node's request",
    useHook('onRequest', ({ request }) => Reflect.get(request, 'raw')),
  ],
  ['fastify', 'a preParsing hook', useHook('preParsing', ({ request }) => request)],
];

function useMiddleware(app: TestApp['app'], act: Hit): void {
  const throttle = app.get(ThrottleService);
  app.use((request: object, _response: object, next: Next) => {
    act(throttle, { on: request }).then(() => next(), next);
  });
}

function useHook(name: string, named: (hook: { request: object }) => object) {
  return (app: TestApp['app'], act: Hit): void => {
    const throttle = app.get(ThrottleService);
    app
      .getHttpAdapter()
      .getInstance()
      .addHook(name, async (request: object) => {
        await act(throttle, { on: named({ request }) });
      });
  };
}

const denial = {
  'ratelimit-policy': '"early";q=1;w=60',
  ratelimit: '"early";r=0;t=60',
  'retry-after': '60',
  'cache-control': 'no-store',
};

describe.each(places)('a call by hand on %s in %s', (adapter, _place, install) => {
  const start = (act: Hit = hit, options: ThrottleModuleOptions = {}, providers: object[] = []) =>
    startApp({
      adapter,
      controllers: [ListController],
      providers: providers as never,
      options: { policies, ...options },
      prepare: (app) => install(app, act),
    });

  it('that is denied has the headers of any denial', async () => {
    await using app = await start();
    expect((await app.send('/list')).headers).toMatchObject({
      'ratelimit-policy': '"early";q=1;w=60',
      ratelimit: '"early";r=0;t=60',
    });
    const answer = await app.send('/list');
    expect([answer.status, limitHeaders(answer)]).toEqual([429, denial]);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.body).toMatchObject({ statusCode: 429, policy: 'early', retryAfter: 60 });
  });

  it('shares its headers with the guard', async () => {
    await using app = await start((throttle, call) => throttle.consume('early', 1, call));
    expect((await app.send('/guarded')).headers).toMatchObject({ ratelimit: '"early";r=0;t=60, "guarded";r=8;t=60' });
    const answer = await app.send('/guarded');
    expect([answer.status, answer.text]).toEqual([200, 'guarded']);
    expect(answer.headers.ratelimit).toBe('"early";r=0;t=60, "guarded";r=7;t=60');
  });

  it('removes Retry-After from the response of a call that went on after a caught denial', async () => {
    await using app = await start((throttle, call) => throttle.hit('early', 2, call).catch(() => 'caught'));
    const answer = await app.send('/guarded');
    expect([answer.status, answer.headers['retry-after'], answer.headers['cache-control']]).toEqual([
      200,
      undefined,
      'no-store',
    ]);
  });

  it('is seen by isThrottled()', async () => {
    const seen: boolean[] = [];
    await using app = await start(async (throttle, call) => {
      await throttle.consume('early', 2, call);
      seen.push(isThrottled(call.on as object));
    });
    await app.send('/list');
    expect(seen).toEqual([true]);
  });

  it('charges the address under the proxy setting', async () => {
    await using app = await startApp({
      adapter,
      controllers: [ListController],
      options: { policies: { early: { ...policies.early, by: by.ip({ header: 'cf-connecting-ip' }) } } },
      fastify: { trustProxy: 'loopback' },
      prepare: (nest) => {
        if (adapter === 'express') nest.getHttpAdapter().getInstance().set('trust proxy', 'loopback');
        install(nest, hit);
      },
    });
    for (const header of ['x-forwarded-for', 'cf-connecting-ip']) {
      for (const address of ['203.0.113.1', '203.0.113.2']) {
        const client = { headers: { [header]: `${address}${header.length === 15 ? '' : ':80'}` } };
        const expected = header === 'x-forwarded-for' ? [200, 429] : [429, 429];
        expect(await app.statuses('/list', 2, client)).toEqual(expected);
      }
    }
    expect(await app.statuses('/list', 2, { headers: { 'cf-connecting-ip': '203.0.113.3' } })).toEqual([200, 429]);
  });

  it('is problem details where errors are "problem"', async () => {
    await using app = await start(hit, { errors: 'problem' });
    await app.send('/list');
    const answer = await app.send('/list');
    expect([answer.status, limitHeaders(answer)]).toEqual([429, denial]);
    expect(answer.headers['content-type']?.split(';')[0]).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ status: 429, 'violated-policies': ['early'] });
  });
});

/** A request over HTTP/2, whose responses nothing tells. */
async function sendOverHttp2(port: number): Promise<http2.IncomingHttpHeaders> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': '/list' });
  const [headers]: http2.IncomingHttpHeaders[] = await once(stream, 'response');
  stream.resume();
  await once(stream, 'end');
  session.close();
  return headers ?? {};
}

describe('a call by hand on fastify over HTTP/2', () => {
  it.each([
    ['the response is named', true, denial],
    ['it is not', false, {}],
  ])('is denied, and has headers if its response is known: %s', async (_, isNamed, headers) => {
    await using app = await startApp({
      adapter: 'fastify',
      controllers: [ListController],
      options: { policies },
      fastify: { http2: true } as never,
      prepare: (nest) => {
        const throttle = nest.get(ThrottleService);
        nest.use((request: object, response: object, next: Next) => {
          throttle.hit('early', 1, { on: request, ...(isNamed && { response }) }).then(() => next(), next);
        });
      },
    });
    expect((await sendOverHttp2(app.port))[':status']).toBe(200);
    const answer = await sendOverHttp2(app.port);
    expect(answer[':status']).toBe(429);
    expect(limitHeaders({ headers: answer } as never)).toEqual(headers);
  });
});

describe('a response that is passed', () => {
  it.each<[string, object, string]>([
    [
      'is none',
      { on: {}, response: {} },
      'hit({ response }): expected the response of the request in `on`, got an object with no members',
    ],
    [
      'has no request',
      { response: { setHeader() {} } },
      'hit({ response }): expected its request as well, { on: request, response }',
    ],
  ])('is an error if it %s', async (_, options, message) => {
    await using app = await startApp({ adapter: 'express', options: { policies } });
    const call = app.app.get(ThrottleService).hit('early', 1, options);
    await expect(call).rejects.toThrow(new ThrottleConfigError('SLUICE_INVALID_ARGUMENT', message));
  });
});

/** How an application's filter responds to an exception. */
type Respond = (
  exception: HttpException,
  response: { status(code: number): { json?(body: object): void; send(body: object): void } },
) => void;

function filterThat(respond: Respond) {
  @Catch(ThrottleException)
  class DenialFilter implements ExceptionFilter<ThrottleException> {
    catch(exception: ThrottleException, host: ArgumentsHost): void {
      respond(exception, host.switchToHttp().getResponse());
    }
  }
  return { provide: APP_FILTER, useClass: DenialFilter };
}

describe.each(adapters)('the content type of problem details on %s', (adapter) => {
  const deniedWith = async (respond: Respond) => {
    @Throttle({ rate: '1/min', strategy })
    @Controller()
    class LimitedController {
      @Get('limited') limited() {}
    }
    await using app = await startApp({
      adapter,
      controllers: [LimitedController],
      providers: [filterThat(respond)],
      options: { errors: 'problem' },
    });
    await app.send('/limited');
    const { status, headers, body } = await app.send('/limited');
    return [status, headers['content-type']?.split(';')[0], body.status ?? body.mine];
  };

  it.each<[string, Respond]>([
    [
      'sends a body of its own',
      (exception, response) => {
        exception.getResponse();
        response.status(429).send({ mine: true });
      },
    ],
    [
      'logs the body, and sends one of its own',
      (exception, response) => {
        JSON.stringify(exception.getResponse());
        response.status(429).send({ mine: true });
      },
    ],
    [
      'sends the body within another',
      (exception, response) =>
        response.status(429).send({ mine: true, ...Object(exception.getResponse()), status: undefined }),
    ],
  ])('is not set if a filter %s', async (_, respond) => {
    expect(await deniedWith(respond)).toEqual([429, 'application/json', true]);
  });

  it('is set if a filter sends the body unchanged', async () => {
    const respond: Respond = (exception, response) => response.status(429).send(Object(exception.getResponse()));
    expect(await deniedWith(respond)).toEqual([429, 'application/problem+json', 429]);
  });
});
