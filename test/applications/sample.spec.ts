import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../../sample-app/src/app.module.js';
import { useTransport } from '../../sample-app/src/transport.js';
import { systemClock } from '../../src/core/clock.js';
import { ManualClock, subjectOf, ThrottleService } from '../../src/index.js';
import { CallLimiter } from '../../src/service/calls/call-limiter.js';
import { TestSockets, type Transport, transports } from '../support/gateway-app.js';
import { TestApp } from '../support/http-app.js';
import { START } from '../support/start-time.js';
import { until } from '../support/wait-until.js';

// The sample does not accept a clock, so the clock of the process is frozen: no limit recovers during a test.
beforeAll(() => {
  jest.spyOn(systemClock, 'now').mockReturnValue(START);
});

afterAll(() => {
  jest.restoreAllMocks();
});

/** The sample application as its main.ts starts it. */
async function startSample(): Promise<TestApp> {
  const nest = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  useTransport(nest);
  await nest.listen(0, '127.0.0.1');
  return new TestApp(nest, new ManualClock(START), nest.getHttpServer().address().port);
}

describe('the sample application', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startSample();
  });

  afterAll(() => app.app.close());

  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it('has a quota of exports in the month of the user, with a rollover', async () => {
    expect((await app.send('/exports')).status).toBe(401);
    const ada = { headers: { 'x-user': 'ada' } };
    expect((await app.send('/exports', ada)).body).toEqual({ remaining: 4, until: '2026-01-31T23:00:00.000Z' });
    expect(await app.statuses('/exports', 5, ada)).toEqual([200, 200, 200, 200, 429]);
    // There it is still 2025.
    const { body } = await app.send('/exports', { headers: { 'x-user': 'bob' } });
    expect(body).toEqual({ remaining: 4, until: '2026-01-01T05:00:00.000Z' });
  });

  it('runs two archives at a time, lets two more wait, and ends those whose clients have gone', async () => {
    const limiter = app.app.get(CallLimiter);
    const clients = Array.from({ length: 4 }, () => new AbortController());
    const sent = clients.map(({ signal }) => app.send('/archives', { signal }).catch(() => 'aborted'));
    await until(() => limiter.permits.size === 2 && limiter.queued === 2);
    const { status, body } = await app.send('/archives');
    expect([status, body.reason]).toEqual([429, 'concurrency']);
    for (const client of clients) client.abort();
    expect(await Promise.all(sent)).toEqual(['aborted', 'aborted', 'aborted', 'aborted']);
    await until(() => limiter.permits.size === 0 && limiter.queued === 0);
  });

  it('streams completions on a budget of 200 tokens, and charges the tokens served', async () => {
    const served = await app.send('/completions?words=40');
    expect([served.status, served.text.trim().split(' ').length]).toEqual([200, 40]);
    const tokens = served.text.match(/\S+ /g)?.reduce((sum, word) => sum + Math.ceil(word.length / 4), 0);
    const throttle = app.app.get(ThrottleService);
    const subject = subjectOf.ip('127.0.0.1');
    const stat = async () => (await throttle.budget('tokens').stat({ subject }))?.remaining;
    expect(await stat()).toBe(200 - Number(tokens));
    // It is cut off where the budget ends: the connection closes before the text is complete.
    const cutOff = await fetch(`http://127.0.0.1:${app.port}/completions?words=400`);
    expect(cutOff.status).toBe(200);
    await expect(cutOff.text()).rejects.toThrow();
    await until(async () => Number(await stat()) < 20);
    expect(Number(await stat())).toBeGreaterThanOrEqual(0);
  });

  it('shares 20 a minute between the handlers of the reports', async () => {
    expect(await app.statuses('/reports', 21)).toEqual([...new Array(20).fill(200), 429]);
  });

  it('allows 2 a second of the latest report, regardless of the limit of the class', async () => {
    expect(await app.statuses('/reports/latest', 3)).toEqual([200, 200, 429]);
  });

  it('charges five units for a PDF', async () => {
    expect(await app.statuses('/reports/pdf', 5)).toEqual([200, 200, 200, 200, 429]);
  });

  it('does not limit skipped handlers', async () => {
    const { status, headers } = await app.send('/reports/up');
    expect([status, headers.ratelimit]).toEqual([200, undefined]);
  });

  it('monitors a policy until an operator switches it on', async () => {
    const put = (mode: string, headers = {}) =>
      app.send('/policies/trends', { method: 'PUT', headers, body: { mode } });
    const operator = { 'x-operator': 'sesame' };
    expect(await app.statuses('/trends', 4)).toEqual([200, 200, 200, 200]);
    expect((await put('on')).status).toBe(403);
    expect((await put('loud', operator)).status).toBe(400);
    expect((await put('on', operator)).body).toMatchObject({ policy: 'trends', mode: 'on' });
    expect(await app.statuses('/trends', 1)).toEqual([429]);
    expect((await app.send('/policies', { headers: operator })).body.violations).toEqual({ trends: 2 });
    await put('monitor', operator);
    expect(await app.statuses('/trends', 1)).toEqual([200]);
  });

  it('shares the policy "search" between two routes', async () => {
    expect(await app.statuses('/search?q=lock', 3)).toEqual([200, 200, 200]);
    const { status, body } = await app.send('/suggest?q=lock');
    expect([status, body.policy]).toEqual([429, 'search']);
  });

  it('charges uploads by their size', async () => {
    const upload = async (bytes: number) => {
      const { status, body } = await app.send('/uploads', { method: 'POST', body: { text: 'x'.repeat(bytes) } });
      return [status, body.stored ?? body.policy];
    };
    expect(await upload(1500)).toEqual([201, 1500]);
    expect(await upload(1500)).toEqual([429, 'upload']);
    expect(await upload(100)).toEqual([201, 100]);
  });

  it('does not limit successful logins', async () => {
    const eve = { method: 'POST', body: { name: 'eve', password: 'sesame' } };
    expect(await app.statuses('/login', 12, eve)).toEqual(new Array(12).fill(200));
  });

  it('charges an export the rows that it returned, also above the limit', async () => {
    const rows = async (count: number) => {
      const { status, headers } = await app.send(`/exports/rows?count=${count}`);
      return [status, /"rows";r=(\d+)/.exec(String(headers.ratelimit))?.[1]];
    };
    // 100 rows are taken at entry.
    expect(await rows(400)).toEqual([200, '900']);
    expect(await rows(0)).toEqual([200, '500']);
    expect(await rows(400)).toEqual([200, '500']);
    expect(await rows(400)).toEqual([200, '100']);
    expect(await rows(1)).toEqual([429, '0']);
  });

  it('limits failed logins by address', async () => {
    const tries = await app.statuses('/login', 6, { method: 'POST', body: { name: 'ada', password: 'open' } });
    expect(tries).toEqual([401, 401, 401, 401, 401, 429]);
    const { body } = await app.send('/login', { method: 'POST', headers: form });
    expect(body.message).toBe('Too many tries. Have a coffee.');
  });

  it.each([
    ['bob', 3],
    ['ada', 8],
  ])('limits the API by the plan of a key: %s has %i calls a minute', async (key, count) => {
    const keyed = { headers: { 'x-api-key': key } };
    expect(await app.statuses('/api', count + 1, keyed)).toEqual([...new Array(count).fill(200), 429]);
  });

  it('lets only operators set another rate for a key', async () => {
    const keyed = { headers: { 'x-api-key': 'alan' } };
    const operator = { 'x-operator': 'sesame' };
    const put = (headers: object, rate?: string) =>
      app.send('/overrides/alan', { method: 'PUT', headers: { ...headers }, body: { rate } });
    expect(await app.statuses('/api', 4, keyed)).toEqual([200, 200, 200, 429]);
    expect((await put({}, '6/min')).status).toBe(403);
    expect([(await put(operator)).status, (await put(operator, '6/fortnight')).status]).toEqual([400, 400]);
    expect((await put(operator, '6/min')).body).toMatchObject({ policy: 'api', rate: { limit: 6 } });
    expect(await app.statuses('/api', 4, keyed)).toEqual([200, 200, 200, 429]);
    expect((await app.send('/overrides', { headers: operator })).body.entries).toHaveLength(1);
    expect((await app.send('/overrides/alan', { method: 'DELETE', headers: operator })).body).toEqual({
      deleted: true,
    });
    expect(await app.statuses('/api', 1, keyed)).toEqual([429]);
  });

  it('does not limit the API for the plan that is unlimited', async () => {
    const keyed = { headers: { 'x-api-key': 'grace' } };
    expect(await app.statuses('/api', 20, keyed)).toEqual(new Array(20).fill(200));
    // The rest is the default of the module, which all handlers share.
    expect((await app.send('/api', keyed)).headers['ratelimit-policy']).toBe('"default";q=1000;w=60');
  });
});

describe('the sample application, with unexpected input,', () => {
  it.each([
    ['/login', undefined],
    ['/login', { name: ['ada', 'bob'] }],
    ['/login', { name: '' }],
    ['/uploads', { text: { length: 9 } }],
  ])('responds with 400 to %s with %j', async (path, body) => {
    const app = await startSample();
    try {
      expect((await app.send(path, { method: 'POST', ...(body && { body }) })).status).toBe(400);
    } finally {
      await app.app.close();
    }
  });
});

describe.each(transports)('the chat of the sample application, over %s', (transport) => {
  let sockets: TestSockets;

  beforeAll(async () => {
    process.env.TRANSPORT = transport;
    sockets = new TestSockets(await startSample(), transport);
  });

  afterAll(async () => {
    delete process.env.TRANSPORT;
    await sockets[Symbol.asyncDispose]();
  });

  const limited = {
    type: 'rate_limit',
    error: 'Too many messages',
    retry_after: 10,
    policy: 'default',
    limit: 5,
    remaining: 0,
    reason: 'rate',
  };

  it('lets 5 messages of each connection through, then sends the wait', async () => {
    for (let connection = 1; connection <= 2; connection++) {
      const socket = await sockets.connect();
      for (const text of ['1', '2', '3', '4', '5', '6']) socket.send('say', { text });
      const messages = [];
      for (let answer = 1; answer <= 6; answer++) messages.push(await socket.next());
      // The wait is reported at once, before the handler's responses are sent.
      const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(messages.filter(({ event }) => event !== 'rate_limit')).toEqual(
        ['1', '2', '3', '4', '5'].map((text) => ({ event: 'said', data: { text, at } })),
      );
      expect(messages.filter(({ event }) => event === 'rate_limit')).toEqual([{ event: 'rate_limit', data: limited }]);
    }
  });

  it('is shown by a page, which is not limited', async () => {
    const { status, headers, text } = await sockets.http.send('/');
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    expect(headers.ratelimit).toBeUndefined();
    expect(text).toContain(`<body data-transport="${transport}" data-rate="5/10s">`);
    const nonces = [...text.matchAll(/<(?:style|script type="module") nonce="([^"]+)">/g)].map(([, nonce]) => nonce);
    expect(nonces).toHaveLength(2);
    for (const nonce of nonces) {
      expect(headers['content-security-policy']).toContain(
        `script-src 'self' 'nonce-${nonce}'; style-src 'nonce-${nonce}'`,
      );
    }
  });
});

describe('the chat of the sample application', () => {
  afterAll(() => {
    delete process.env.TRANSPORT;
  });

  it('acknowledges denied messages over socket.io', async () => {
    process.env.TRANSPORT = 'io' satisfies Transport;
    await using sockets = new TestSockets(await startSample(), 'io');
    const socket = await sockets.connect();
    for (let sent = 1; sent <= 5; sent++) socket.send('say', { text: '' });
    expect(await socket.ask('say', { text: '' })).toEqual(expect.objectContaining({ type: 'rate_limit', limit: 5 }));
  });

  it('does not start with an unknown transport', async () => {
    process.env.TRANSPORT = 'tcp';
    await expect(startSample()).rejects.toThrow(
      'TRANSPORT: expected "ws" (plain WebSockets, the default) or "io" (socket.io), got "tcp"',
    );
  });
});
