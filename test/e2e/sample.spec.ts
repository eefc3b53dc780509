import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../../sample-app/src/app.module.js';
import { ManualClock } from '../../src/index.js';
import { START, TestApp } from '../support/app.js';

describe('the sample application', () => {
  let app: TestApp;

  beforeAll(async () => {
    const nest = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    await nest.listen(0, '127.0.0.1');
    app = new TestApp(nest, new ManualClock(START), nest.getHttpServer().address().port);
  });

  afterAll(() => app.app.close());

  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it('shares 20 a minute between the handlers of the reports', async () => {
    expect(await app.statuses('/reports', 21)).toEqual([...new Array(20).fill(200), 429]);
  });

  it('allows 2 a second of the latest report, whatever the class has left', async () => {
    expect(await app.statuses('/reports/latest', 3)).toEqual([200, 200, 429]);
  });

  it('charges five units for a PDF', async () => {
    expect(await app.statuses('/reports/pdf', 5)).toEqual([200, 200, 200, 200, 429]);
  });

  it('does not limit what is skipped', async () => {
    const { status, headers } = await app.send('/reports/up');
    expect([status, headers.ratelimit]).toEqual([200, undefined]);
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

  it('limits tries to log in by address', async () => {
    const tries = await app.statuses('/login', 6, { method: 'POST', body: { name: 'ada', password: 'open' } });
    expect(tries).toEqual([401, 401, 401, 401, 401, 429]);
    const { body } = await app.send('/login', { method: 'POST', headers: form });
    expect(body.message).toBe('Too many tries. Have a coffee.');
  });
});
