import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Query } from '@nestjs/common';
import { by, Throttle, ThrottleService } from '../../../src/index.js';
import { CallLimiter } from '../../../src/service/calls/call-limiter.js';
import { adapters, startApp, type TestApp } from '../../support/http-app.js';
import { startContext } from '../../support/service-app.js';
import { until } from '../../support/wait-until.js';
import { Gate } from '../outcomes/gate.js';

const policies = {
  export: { concurrency: { limit: 1, queue: { max: 5, waitMs: 1000 } }, by: by.all() },
  both: { rate: '10/hour', concurrency: 2, by: by.all() },
} as const;

describe.each(adapters)('permits that a handler takes by hand on %s', (adapter) => {
  let gate: Gate;
  let app: TestApp;
  let limiter: CallLimiter;

  beforeEach(async () => {
    gate = new Gate();

    @Controller()
    class HandController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Throttle('export', { manual: true })
      @Get('manual')
      async manual(@Query('name') name: string): Promise<string> {
        await this.throttle.hit();
        await gate.wait(name);
        return name;
      }

      @Get('consume')
      async consume(): Promise<unknown> {
        const { allowed, binding } = await this.throttle.consume('export');
        return { allowed, reason: binding?.reason };
      }

      @Get('both')
      async both(): Promise<unknown> {
        // The cost is that of the rate.
        const { decisions } = await this.throttle.hit('both', 3);
        return decisions.map(({ policy, remaining }) => [policy, remaining]);
      }
    }
    app = await startApp({ adapter, controllers: [HandController], options: { policies } });
    limiter = app.app.get(CallLimiter);
  });
  afterEach(() => app.app.close());

  it('are held until the call has ended, even if its client aborts', async () => {
    const client = new AbortController();
    const sent = app.send('/manual?name=a', { signal: client.signal });
    await until(() => gate.begun.includes('a'));
    client.abort();
    await expect(sent).rejects.toThrow('aborted');
    const second = app.send('/manual?name=b');
    await until(() => limiter.queued === 1);
    expect(gate.begun).toEqual(['a']);
    gate.open('a');
    await until(() => gate.begun.includes('b'));
    gate.open('b');
    expect((await second).status).toBe(200);
    await until(() => limiter.permits.size === 0);
  });

  it('are not queued for by consume, which never delays', async () => {
    const first = app.send('/manual?name=a');
    await until(() => gate.begun.includes('a'));
    expect((await app.send('/consume')).body).toEqual({ allowed: false, reason: 'concurrency' });
    gate.open('a');
    await first;
    await until(() => limiter.permits.size === 0);
    expect((await app.send('/consume')).body).toEqual({ allowed: true });
  });

  it('are as many as the weight of a call, regardless of its cost', async () => {
    const answer = await app.send('/both');
    expect(JSON.parse(answer.text)).toEqual([
      ['both', 7],
      ['both-concurrency', 1],
    ]);
  });
});

describe('a limit of concurrency outside any call', () => {
  it('is refused by methods that take permits, and read by others', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    const on = { subject: 'all' };
    const text =
      'holds a permit until the call ends, but there is no call here whose end can be observed. Use run("export", options, fn), which holds it while fn runs.';
    await expect(throttle.hit('export', 1, on)).rejects.toThrow(`hit("export"): ${text}`);
    await expect(throttle.consume('export', 1, on)).rejects.toThrow(`consume("export"): ${text}`);
    expect(await throttle.check('export', 1, on)).toBe(true);
    expect(await throttle.stat('export', on)).toMatchObject({ policy: 'export', limit: 1, remaining: 1, windowMs: 0 });
    await throttle.reset('export', on);
  });

  it('has no rate that can be changed at run time, but a mode', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    await expect(throttle.policies.update('export', { rate: '5/min' })).rejects.toThrow('has no rate');
    await throttle.policies.update('export', { mode: 'off' });
    expect(await throttle.stat('export', { subject: 'all' })).toBeNull();
    await throttle.policies.update('both', { rate: '20/hour' });
    expect(await throttle.stat('both', { subject: 'all' })).toMatchObject({ policy: 'both', limit: 20 });
  });
});

describe('run', () => {
  it('holds a permit while its function runs, however it ends', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    const on = { subject: 'all' };
    const remaining = async () => (await throttle.stat('export', on))?.remaining;
    const gate = new Gate();
    const order: string[] = [];
    const first = throttle.run('export', on, async () => {
      await gate.wait('a');
      order.push('a');
      return 'a';
    });
    await until(() => gate.begun.includes('a'));
    expect(await remaining()).toBe(0);
    const second = throttle.run('export', on, () => {
      order.push('b');
      throw new Error('broken');
    });
    gate.open('a');
    expect(await first).toBe('a');
    await expect(second).rejects.toThrow('broken');
    expect(order).toEqual(['a', 'b']);
    expect(await remaining()).toBe(1);
  });

  it('is denied if there is no permit, and does not run its function', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    const on = { subject: 'all' };
    const gate = new Gate();
    const holding = throttle.run('both', on, () => throttle.run('both', on, () => gate.wait('a')));
    await until(() => gate.begun.includes('a'));
    let hasRun = false;
    const denied = throttle.run('both', on, () => {
      hasRun = true;
    });
    await expect(denied).rejects.toMatchObject({ status: 429 });
    expect(hasRun).toBe(false);
    // The rate is not charged for it.
    expect(await throttle.check([{ policy: 'both', cost: 8 }], on)).toBe(false);
    gate.open('a');
    await holding;
    expect(await throttle.check([{ policy: 'both', cost: 8 }], on)).toBe(true);
  });

  it('aborts the signal of a run whose permit was lost', async () => {
    await using context = await startContext({ policies });
    const { throttle, clock } = context;
    const gate = new Gate();
    let reason: unknown;
    const running = throttle.run('export', { subject: 'all' }, async ({ signal }) => {
      const waiting = gate.wait('a');
      signal.addEventListener('abort', () => {
        reason = signal.reason;
        gate.open('a');
      });
      await waiting;
    });
    await until(() => gate.begun.includes('a'));
    await throttle.reset('export', { subject: 'all' });
    clock.advance(10_000);
    await running;
    expect(String(reason)).toContain('A permit of the policy "export" was lost');
  });

  it('does not support permits in a tally', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    await throttle.run('export', { subject: 'all' }, () => {});
    expect(() => throttle.tally('export', { subject: 'all' })).toThrow('holds a permit until the call ends');
  });
});

describe('debit, credit and blocks', () => {
  it('apply to the rate of a policy, and not to its permits', async () => {
    await using context = await startContext({ policies: { ...policies, open: { concurrency: 2, by: by.all() } } });
    const { throttle } = context;
    const on = { subject: 'all' };
    await throttle.debit('both', 4, on);
    expect(await throttle.stat('both', on)).toMatchObject({ policy: 'both', remaining: 6 });
    await throttle.credit('both', 1, on);
    expect(await throttle.stat('both', on)).toMatchObject({ policy: 'both', remaining: 7 });
    const text = 'the policy limits how many calls run at a time, and has no units to count. Add a rate to it.';
    await expect(throttle.debit('open', 1, on)).rejects.toThrow(`debit("open"): ${text}`);
    await expect(throttle.credit('open', 1, on)).rejects.toThrow(`credit("open"): ${text}`);
    await expect(throttle.blocks.set('open', 'all', '1h')).rejects.toThrow('this policy has no option "block"');
  });
});
