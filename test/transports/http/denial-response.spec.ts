import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ConflictException, Controller, Get, HttpException, type Type } from '@nestjs/common';
import { type OnDenied, type PolicyOptions, Throttle, type ThrottleModuleOptions } from '../../../src/index.js';
import { limitHeaders } from '../../support/header-fields.js';
import { type Answer, adapters, startApp, type TestApp } from '../../support/http-app.js';

const strategy = 'fixed-window';

function limitedBy(...limits: readonly PolicyOptions[]): Type {
  @Controller('limited')
  class LimitedController {
    @Throttle(limits)
    @Get()
    list(): string {
      return 'list';
    }
  }
  return LimitedController;
}

/** The second answer of a handler that is allowed one. */
async function denied(app: TestApp): Promise<Answer> {
  expect((await app.send('/limited')).status).toBe(200);
  return app.send('/limited');
}

const nestBody = {
  statusCode: 429,
  error: 'Too Many Requests',
  message: 'Too many requests. Retry in 60 seconds.',
  policy: 'default',
  reason: 'rate',
  retryAfter: 60,
};

describe.each(adapters)('a denial on %s', (adapter) => {
  const start = (options: ThrottleModuleOptions, limit: Partial<PolicyOptions> = {}) =>
    startApp({ adapter, controllers: [limitedBy({ rate: '1/min', strategy, ...limit })], options });

  it("has a body in Nest's form", async () => {
    await using app = await start({});
    const answer = await denied(app);
    expect(answer.status).toBe(429);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.body).toEqual(nestBody);
  });

  it('is problem details with errors "problem"', async () => {
    await using app = await start({ errors: 'problem' });
    const answer = await denied(app);
    expect(answer.status).toBe(429);
    expect(answer.headers['content-type']?.split(';')[0]).toBe('application/problem+json');
    expect(answer.body).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Too Many Requests',
      status: 429,
      detail: 'Too many requests. Retry in 60 seconds.',
      'violated-policies': ['default'],
      reason: 'rate',
      retryAfter: 60,
    });
  });

  it('reports that the client is blocked, in both forms of errors', async () => {
    const limit = { block: { for: '5m' } } as const;
    await using nest = await start({}, limit);
    const message = 'Too many requests. Retry in 300 seconds.';
    const answer = await denied(nest);
    expect(answer.body).toEqual({ ...nestBody, message, reason: 'blocked', retryAfter: 300 });
    expect(answer.headers['retry-after']).toBe('300');
    await using problem = await start({ errors: 'problem' }, limit);
    expect((await denied(problem)).body).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#abnormal-usage-detected',
      title: 'Too Many Requests',
      status: 429,
      detail: message,
      'violated-policies': ['default'],
      reason: 'blocked',
      retryAfter: 300,
    });
  });

  it('names only the policies that denied in problem details', async () => {
    const limits = [
      { name: 'minute', rate: '1/min', strategy },
      { name: 'roomy', rate: '9/min', strategy },
      { name: 'hour', rate: '1/h', strategy },
    ];
    await using app = await startApp({
      adapter,
      controllers: [limitedBy(...limits)],
      options: { errors: 'problem', message: 'Slower.' },
    });
    const { body, headers } = await denied(app);
    expect(body).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Too Many Requests',
      status: 429,
      detail: 'Slower.',
      'violated-policies': ['minute', 'hour'],
      reason: 'rate',
      retryAfter: 3600,
    });
    expect(headers['retry-after']).toBe('3600');
  });

  it('does not change responses of other errors and allowed calls with errors "problem"', async () => {
    await using app = await start({ errors: 'problem' });
    const allowed = await app.send('/limited');
    expect([allowed.status, allowed.text, allowed.headers['content-type']]).toEqual([
      200,
      'list',
      adapter === 'express' ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8',
    ]);
    const missing = await app.send('/nothing');
    expect([missing.status, missing.headers['content-type']]).toEqual([404, 'application/json; charset=utf-8']);
  });

  it.each<readonly [string, PolicyOptions['message']]>([
    ['a text', 'Slower.'],
    ['a function that gives a text', () => 'Slower.'],
    ['an async function that gives a text', async () => setImmediate('Slower.')],
  ])('has the configured message, %s', async (_kind, message) => {
    await using ofModule = await start({ message: message ?? '' });
    expect((await denied(ofModule)).body).toEqual({ ...nestBody, message: 'Slower.' });
    await using ofPolicy = await start({ message: 'Of the module.' }, { message: message ?? '' });
    expect((await denied(ofPolicy)).body).toEqual({ ...nestBody, message: 'Slower.' });
  });

  it.each([[{}], [{ errors: 'problem' as const }]])(
    'has the object of the message as its body, with %j',
    async (more) => {
      const message: PolicyOptions['message'] = async ({ request, handler, context }, { binding }) => ({
        code: 'SLOW_DOWN',
        path: request?.url,
        handler: handler?.name,
        plan: context.plan,
        wait: binding?.retryAfterMs,
      });
      await using app = await start(more, { message, context: { plan: 'free' } });
      const answer = await denied(app);
      expect(answer.status).toBe(429);
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(answer.body).toEqual({ code: 'SLOW_DOWN', path: '/limited', handler: 'list', plan: 'free', wait: 60_000 });
      expect(limitHeaders(answer)).toEqual({
        'ratelimit-policy': '"default";q=1;w=60',
        ratelimit: '"default";r=0;t=60',
        'retry-after': '60',
        'cache-control': 'no-store',
      });
    },
  );

  it('whose message is neither a string nor an object is an error, and does not pass', async () => {
    await using app = await start({}, { message: () => JSON.parse('5') });
    expect((await denied(app)).status).toBe(500);
  });

  it('has the exception of onDenied as its response', async () => {
    const throwing: readonly OnDenied[] = [
      () => {
        throw new ConflictException('busy');
      },
      async () => {
        await setImmediate();
        throw new HttpException({ code: 'BUSY' }, 409);
      },
    ];
    for (const [i, onDenied] of throwing.entries()) {
      await using app = await start({ errors: 'problem', onDenied });
      const answer = await denied(app);
      expect(answer.status).toBe(409);
      expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
      expect(answer.body).toEqual([{ statusCode: 409, error: 'Conflict', message: 'busy' }, { code: 'BUSY' }][i]);
      expect(answer.headers['retry-after']).toBe('60');
    }
  });

  it('calls onDenied of the policy, else of the module, which need not throw', async () => {
    const told: unknown[] = [];
    const note =
      (who: string): OnDenied =>
      async ({ type, handler, context }, { allowed, binding }) => {
        await setImmediate();
        told.push([who, type, handler?.name, context.plan, allowed, binding?.policy]);
      };
    await using ofModule = await start({ onDenied: note('module') }, { context: { plan: 'free' } });
    expect((await denied(ofModule)).body).toEqual(nestBody);
    await using ofPolicy = await start({ onDenied: note('module') }, { onDenied: note('policy') });
    expect((await denied(ofPolicy)).body).toEqual(nestBody);
    expect(told).toEqual([
      ['module', 'http', 'list', 'free', false, 'default'],
      ['policy', 'http', 'list', undefined, false, 'default'],
    ]);
  });

  it('has the message of the binding policy', async () => {
    const limits = [
      { name: 'minute', rate: '1/min', strategy, message: 'A minute.' },
      { name: 'hour', rate: '1/h', strategy, message: 'An hour.' },
    ];
    await using app = await startApp({ adapter, controllers: [limitedBy(...limits)] });
    expect((await denied(app)).body).toEqual({ ...nestBody, message: 'An hour.', policy: 'hour', retryAfter: 3600 });
  });
});
