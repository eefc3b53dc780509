import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { by, ThrottleService } from '../../../src/index.js';
import { CallLimiter } from '../../../src/service/calls/call-limiter.js';
import { adapters, startApp, type TestApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';
import { Gate } from '../outcomes/gate.js';
import { holdingController, Running } from './holding-controller.js';

/** Each way to end, and its status. */
const endings: readonly (readonly [ending: string, status: number])[] = [
  ['value', 200],
  ['thrown', 400],
  ['rejected', 500],
  ['observable', 200],
  ['stream', 200],
  ['res', 200],
  ['sse', 200],
  ['guard', 403],
  ['pipe', 400],
  ['cached', 200],
];

describe.each(adapters)('permits on %s', (adapter) => {
  const gate = new Gate();
  const running = new Running();
  let app: TestApp;

  beforeAll(async () => {
    app = await startApp({
      adapter,
      controllers: [holdingController('jobs', gate, running)],
      options: { policies: { jobs: { concurrency: 2, by: by.all() } } },
    });
  });
  afterAll(() => app.app.close());

  const free = async () => (await app.app.get(ThrottleService).stat('jobs'))?.remaining;
  const open = () => app.app.get(CallLimiter).permits.size;
  const begun = (name: string) => until(() => gate.begun.includes(name));

  it.each(endings)('are freed by a call that ends with %s', async (ending, status) => {
    const answer = await app.send(`/jobs/${ending}`);
    expect(answer.status).toBe(status);
    expect(answer.headers['ratelimit-policy']).toBe('"jobs";q=2;qu="concurrent-requests"');
    expect(answer.headers.ratelimit).toBe('"jobs";r=1');
    await until(() => open() === 0);
    expect(await free()).toBe(2);
  });

  it('are held while the handler runs, and the next call is denied', async () => {
    const first = app.send('/jobs/wait?name=held-1');
    const second = app.send('/jobs/wait?name=held-2');
    await Promise.all([begun('held-1'), begun('held-2')]);
    const denied = await app.send('/jobs/value');
    expect([denied.status, denied.headers['retry-after'], denied.headers['cache-control']]).toEqual([
      429,
      '1',
      'no-store',
    ]);
    expect(denied.headers.ratelimit).toBe('"jobs";r=0');
    expect(denied.body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Too many requests at the same time. Retry in 1 second.',
      policy: 'jobs',
      reason: 'concurrency',
      retryAfter: 1,
    });
    gate.open('held-1');
    gate.open('held-2');
    await Promise.all([first, second]);
    await until(() => open() === 0);
  });

  it('are not freed if the client aborts while the handler runs, whose signal aborts', async () => {
    const client = new AbortController();
    const sent = app.send('/jobs/wait?name=aborted', { signal: client.signal });
    await begun('aborted');
    const signal = running.signals.at(-1);
    expect(signal?.aborted).toBe(false);
    client.abort();
    await expect(sent).rejects.toThrow('aborted');
    await until(() => signal?.aborted === true);
    expect(await free()).toBe(1);
    gate.open('aborted');
    await until(() => open() === 0);
  });

  it('are freed if the client leaves a stream of events', async () => {
    const client = new AbortController();
    const sent = app.send('/jobs/endless', { signal: client.signal });
    await until(() => open() === 1);
    client.abort();
    await expect(sent).rejects.toThrow('aborted');
    await until(() => open() === 0);
    expect(await free()).toBe(2);
  });

  it('are freed if the client leaves while the response waits for an earlier one of its connection', async () => {
    const client = connect(app.port, '127.0.0.1');
    const head = 'HTTP/1.1\r\nHost: a\r\n\r\n';
    client.write(`GET /jobs/wait?name=ahead ${head}GET /jobs/value ${head}`);
    await begun('ahead');
    await until(() => open() === 2);
    client.destroy();
    await until(() => open() === 1);
    gate.open('ahead');
    await until(() => open() === 0);
  });

  it.each(['left', 'early'])('are held by a handler that goes on after the response (%s)', async (path) => {
    const answer = await app.send(`/jobs/${path}`);
    expect(answer.status).toBe(path === 'left' ? 200 : 202);
    await begun(path);
    expect(await free()).toBe(1);
    gate.open(path);
    await until(() => open() === 0);
    expect(await free()).toBe(2);
  });

  it('are not exceeded by clients that abort', async () => {
    const before = running.most;
    expect(before).toBeLessThanOrEqual(2);
    let answered = 0;
    const clients = Array.from({ length: 40 }, async (_, i) => {
      const client = new AbortController();
      const sent = app.send('/jobs/wait?name=flood', { signal: client.signal }).then(
        ({ status }) => status,
        () => 0,
      );
      if (i % 2 === 0) setImmediate(() => client.abort());
      const status = await sent;
      answered += 1;
      return status;
    });
    await until(() => {
      gate.open('flood');
      return answered === 40;
    });
    await Promise.all(clients);
    await until(() => {
      gate.open('flood');
      return open() === 0;
    });
    expect([running.most, running.now]).toEqual([2, 0]);
    expect(await free()).toBe(2);
  });
});
