import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import { type Call, Throttle, ThrottleService } from '../../../src/index.js';
import { heldController, sendInOrder } from '../../support/delayed-handlers.js';
import { adapters, startApp } from '../../support/http-app.js';
import { until } from '../../support/wait-until.js';

const strategy = 'leaky-bucket';

describe.each(adapters)('a delayed call on %s', (adapter) => {
  it('whose client leaves never runs its handler, and is no longer waited for', async () => {
    const { runs, controllers } = heldController();
    const warnings: string[] = [];
    await using app = await startApp({ adapter, controllers, warnings });
    for (const handler of ['guarded', 'hit']) {
      runs.length = 0;
      expect((await app.send(`/${handler}/a`)).status).toBe(200);
      const leaving = new AbortController();
      const left = app.send(`/${handler}/b`, { signal: leaving.signal });
      await until(() => app.clock.waiting === 1);
      const staying = app.send(`/${handler}/c`);
      await until(() => app.clock.waiting === 2);
      leaving.abort();
      await expect(left).rejects.toThrow('The operation was aborted');
      await until(() => app.clock.waiting === 1);
      app.clock.advance(2000);
      expect((await staying).status).toBe(200);
      expect(runs).toEqual(['a', 'c']);
    }
    // An unhandled rejection would fail the test by itself.
    expect(warnings).toEqual([]);
  });

  it.each(['guarded', 'hit', 'both'])('returns its units when its client leaves: %s', async (handler) => {
    const { runs, controllers } = heldController();
    await using app = await startApp({ adapter, controllers });
    expect((await app.send(`/${handler}/first`)).status).toBe(200);
    const leaving = new AbortController();
    const left = [1, 2, 3].map((i) => app.send(`/${handler}/${i}`, { signal: leaving.signal }));
    await until(() => app.clock.waiting === 3);
    app.clock.advance(500);
    leaving.abort();
    for (const one of left) await expect(one).rejects.toThrow('The operation was aborted');
    await until(() => app.clock.waiting === 0);
    // Held until the first call's unit has drained, and not behind those that have left.
    const next = app.send(`/${handler}/next`);
    await until(() => app.clock.waiting === 1);
    app.clock.advance(499);
    expect(app.clock.waiting).toBe(1);
    app.clock.advance(1);
    expect((await next).status).toBe(200);
    expect(runs).toEqual(['first', 'next']);
  });

  it('whose client left before its delay is not delayed', async () => {
    const runs: string[] = [];
    const stages: string[] = [];
    const gate = new AbortController();
    const everybody = async ({ request }: Call) => {
      if (request?.url === '/slow') {
        stages.push('asked');
        await once(gate.signal, 'abort');
        stages.push('answered');
      }
      return 'everybody';
    };

    @Throttle('60/min', { strategy, by: everybody })
    @Controller()
    class TwoController {
      @Get('fast')
      fast(): void {
        runs.push('fast');
      }

      @Get('slow')
      slow(): void {
        runs.push('slow');
      }
    }
    await using app = await startApp({ adapter, controllers: [TwoController] });
    app.app.getHttpServer().on('request', (request: IncomingMessage, response: ServerResponse) => {
      response.on('close', () => stages.push(`closed ${request.url}`));
    });
    const leaving = new AbortController();
    const left = app.send('/slow', { signal: leaving.signal });
    await until(() => stages.includes('asked'));
    expect((await app.send('/fast')).status).toBe(200);
    leaving.abort();
    await expect(left).rejects.toThrow('The operation was aborted');
    await until(() => stages.includes('closed /slow'));
    gate.abort();
    await until(() => stages.includes('answered'));
    await setImmediate();
    expect(app.clock.waiting).toBe(0);
    app.clock.advance(60_000);
    expect((await app.send('/fast')).status).toBe(200);
    expect(runs).toEqual(['fast', 'fast']);
  });
});

describe.each(adapters)('an application that closes on %s', (adapter) => {
  it.each(['guarded', 'hit'])('rejects delayed calls (%s)', async (handler) => {
    const { runs, controllers } = heldController();
    const app = await startApp({ adapter, controllers });
    const sent = await sendInOrder(
      app,
      ['a', 'b', 'c'].map((name) => `/${handler}/${name}`),
    );
    await app.app.close();
    expect([await sent[1], await sent[2]]).toEqual([503, 503]);
    expect([app.clock.waiting, runs]).toEqual([0, ['a']]);
  });

  it('rejects later calls that would be delayed', async () => {
    const gate = new AbortController();
    let reached = false;

    @Controller()
    class GatedController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Throttle('60/min', { strategy, manual: true })
      @Get()
      async gated(): Promise<void> {
        await this.throttle.hit();
        reached = true;
        await once(gate.signal, 'abort');
        await this.throttle.hit();
      }
    }
    const app = await startApp({ adapter, controllers: [GatedController] });
    const answer = app.send('/');
    await until(() => reached);
    const closed = app.app.close();
    await until(() => !app.app.getHttpServer().listening);
    gate.abort();
    expect((await answer).status).toBe(503);
    await closed;
  });
});
