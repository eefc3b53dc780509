import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import {
  by,
  type CallOptions,
  type PolicyOptions,
  ThrottleConfigError,
  ThrottleException,
  ThrottleService,
} from '../../../src/index.js';
import { collectGarbage } from '../../support/collect-garbage.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { startApp } from '../../support/http-app.js';
import { startContext } from '../../support/service-app.js';
import { until } from '../../support/wait-until.js';

const limit = { rate: '100/hour', strategy: 'fixed-window' } as const;
const ada = { subject: 'user:ada' };
const bob = { subject: 'user:bob' };

async function start(more: Partial<PolicyOptions> = {}) {
  const backend = new CountedBackend();
  const context = await startContext({ backend, policies: { rows: { ...limit, ...more }, mails: limit } });
  const { throttle } = context;
  const used = async (policy = 'rows', on = ada) => 100 - Number((await throttle.stat(policy, on))?.remaining);
  const spends = () => backend.asked.filter((one) => one.startsWith('spend'));
  return { throttle, backend, used, spends, [Symbol.asyncDispose]: () => context[Symbol.asyncDispose]() };
}

describe('a tally', () => {
  it('charges the collected units once', async () => {
    await using context = await start();
    const tally = context.throttle.tally('rows', ada);
    tally.add(3);
    tally.add(0);
    tally.add(4);
    expect([tally.units, context.spends()]).toEqual([7, []]);
    const outcome = await tally.charge();
    expect([outcome.binding?.remaining, await context.used()]).toEqual([93, 7]);
    expect(await tally.charge()).toBe(outcome);
    expect(context.spends()).toEqual(['spend rows']);
  });

  it('charges nothing if it is cancelled, and cannot be charged afterwards', async () => {
    await using context = await start();
    const tally = context.throttle.tally('rows', ada);
    tally.add(3);
    tally.cancel();
    await expect(tally.charge()).rejects.toThrow(
      'tally("rows").charge(): the tally has already been cancelled. Open another one for further costs.',
    );
    expect(() => tally.add(1)).toThrow('tally("rows").add(): the tally has already been cancelled.');
    expect(context.spends()).toEqual([]);
  });

  it('is not changed by a cancellation after it was charged, and accepts no more units', async () => {
    await using context = await start();
    const tally = context.throttle.tally('rows', ada);
    tally.add(3);
    const charged = tally.charge();
    tally.cancel();
    await charged;
    expect(() => tally.add(1)).toThrow('tally("rows").add(): the tally has already been charged.');
    expect(await context.used()).toBe(3);
  });

  it('that has collected nothing does not call the backend', async () => {
    await using context = await start();
    expect(await context.throttle.tally('rows', ada).charge()).toEqual({ allowed: true, decisions: [], binding: null });
    expect(context.spends()).toEqual([]);
  });

  it('throws a 429 if the collected units exceed the limit, and charges nothing', async () => {
    await using context = await start();
    const tally = context.throttle.tally('rows', ada);
    tally.add(101);
    await expect(tally.charge()).rejects.toThrow(ThrottleException);
    await expect(tally.charge()).rejects.toThrow(ThrottleException);
    expect([await context.used(), context.spends()]).toEqual([0, ['spend rows']]);
  });

  it.each<[string, unknown]>([
    ['a negative number', -1],
    ['a fraction', 0.5],
    ['NaN', Number.NaN],
    ['undefined', undefined],
    ['a string', '3'],
  ])('refuses %s, and keeps its units', async (_, units) => {
    await using context = await start();
    const tally = context.throttle.tally('rows', ada);
    tally.add(1);
    expect(() => tally.add(units as number)).toThrow(RangeError);
    expect(tally.units).toBe(1);
  });

  it('refuses units whose sum is too large', async () => {
    await using context = await start();
    const tally = context.throttle.tally('rows', ada);
    tally.add(Number.MAX_SAFE_INTEGER);
    expect(() => tally.add(1)).toThrow('tally("rows").add(), in all: expected units, a safe integer');
  });

  it.each<[string, readonly unknown[], string]>([
    ['no policy', [], "tally(): expected a policy's name, or a policy that definePolicy() made, got undefined."],
    ['an unknown policy', ['row', ada], 'tally("row"): no policy has this name. Did you mean "rows"?'],
    ['an unknown option', ['rows', { cost: 3 }], 'tally(): there is no option "cost".'],
  ])('is not opened for %s', async (_, args, message) => {
    await using context = await start();
    expect(() => Reflect.apply(context.throttle.tally, context.throttle, args)).toThrow(message);
  });
});

describe('a tally inside another', () => {
  it('adds its units to the outer one, and is not charged separately', async () => {
    await using context = await start();
    const { throttle } = context;
    const load = async (units: number) => {
      const inner = throttle.tally('rows', ada);
      await Promise.resolve();
      inner.add(units);
      return inner.charge();
    };
    const outer = throttle.tally('rows', ada);
    outer.add(1);
    expect((await load(10)).decisions).toEqual([]);
    await Promise.all([load(20), load(30)]);
    expect([outer.units, context.spends()]).toEqual([61, []]);
    await outer.charge();
    expect([await context.used(), context.spends()]).toEqual([61, ['spend rows']]);
  });

  it('adds units through several levels', async () => {
    await using context = await start();
    const { throttle } = context;
    const [outer, middle, inner] = [1, 2, 3].map((units) => {
      const tally = throttle.tally('rows', ada);
      tally.add(units);
      return tally;
    });
    await inner?.charge();
    expect([outer?.units, middle?.units]).toEqual([1, 5]);
    await middle?.charge();
    await outer?.charge();
    expect([await context.used(), context.spends()]).toEqual([6, ['spend rows']]);
  });

  it('adds nothing if it is cancelled, and is dropped with a cancelled outer one', async () => {
    await using context = await start();
    const { throttle } = context;
    const outer = throttle.tally('rows', ada);
    const cancelled = throttle.tally('rows', ada);
    cancelled.add(5);
    cancelled.cancel();
    const charged = throttle.tally('rows', ada);
    charged.add(7);
    await charged.charge();
    expect(outer.units).toBe(7);
    outer.cancel();
    expect([await context.used(), context.spends()]).toEqual([0, []]);
  });

  it('is charged separately once the outer one is closed', async () => {
    await using context = await start();
    const { throttle } = context;
    const outer = throttle.tally('rows', ada);
    const inner = throttle.tally('rows', ada);
    inner.add(5);
    outer.add(1);
    await outer.charge();
    await inner.charge();
    expect([await context.used(), context.spends()]).toEqual([6, ['spend rows', 'spend rows']]);
  });

  it.each<[string, 'rows' | 'mails', CallOptions]>([
    ['policy', 'mails', ada],
    ['subject', 'rows', bob],
    ['scope', 'rows', { ...ada, context: { scope: 'eu' } }],
  ])('is separate if it has another %s', async (_, policy, on) => {
    await using context = await start();
    const { throttle } = context;
    const outer = throttle.tally('rows', ada);
    const apart = throttle.tally(policy, on);
    const inner = throttle.tally('rows', ada);
    inner.add(2);
    apart.add(5);
    await inner.charge();
    await apart.charge();
    expect([outer.units, context.spends()]).toEqual([2, [`spend ${policy}`]]);
    await outer.charge();
    expect(await context.used()).toBe(2);
  });

  it('does not get the units of tallies that are opened after it', async () => {
    await using context = await start();
    for (let i = 0; i < 3; i++) {
      const tally = context.throttle.tally('rows', ada);
      tally.add(2);
      await tally.charge();
    }
    expect([await context.used(), context.spends().length]).toEqual([6, 3]);
  });

  it('does not include tallies in a function that begins elsewhere', async () => {
    await using context = await start();
    const { throttle } = context;
    const begin: (() => void)[] = [];
    const job = async () => {
      await new Promise<void>((resolve) => begin.push(resolve));
      const tally = throttle.tally('rows', ada);
      tally.add(2);
      await new Promise<void>((resolve) => begin.push(resolve));
      await tally.charge();
    };
    const jobs = [job(), job()];
    await until(() => begin.length === 2);
    for (const one of begin.splice(0)) one();
    await until(() => begin.length === 2);
    for (const one of begin) one();
    await Promise.all(jobs);
    expect([await context.used(), context.spends()]).toEqual([4, ['spend rows', 'spend rows']]);
  });
});

describe('a tally that is left open', () => {
  it('is reported when it can no longer be charged', async () => {
    const warnings: string[] = [];
    const app = await startApp({ adapter: 'express', options: { policies: { rows: limit } }, warnings });
    const throttle = app.app.get(ThrottleService);
    const forget = async () => {
      await Promise.resolve();
      throttle.tally('rows', ada).add(3);
      throttle.tally('rows', bob).cancel();
    };
    await forget();
    await until(() => {
      collectGarbage();
      return warnings.some((text) => text.startsWith('tally'));
    });
    expect(warnings.filter((text) => text.startsWith('tally'))).toEqual([
      'tally("rows"): was neither charged nor cancelled, so its 3 units are lost. Cancel it in a `finally`.',
    ]);
    await app.app.close();
  });
});

describe('a tally in a call', () => {
  it('is not opened for a policy with `chargeWhen`, whose call would refund its units', async () => {
    let error: unknown;
    @Controller()
    class RowsController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Get('rows')
      list(): string {
        try {
          this.throttle.tally('rows');
        } catch (found) {
          error = found;
        }
        return 'rows';
      }
    }
    const policies = { rows: { ...limit, chargeWhen: 'failure' } } as const;
    await using app = await startApp({ adapter: 'express', controllers: [RowsController], options: { policies } });
    await app.send('/rows');
    expect(error).toEqual(
      new ThrottleConfigError(
        'SLUICE_WRONG_POLICY',
        'tally("rows"): the policy has a `chargeWhen`, so the end of the call would settle again what the tally charges. Use run with a `chargeWhen` that returns the units, or a policy of its own for the tally, without `chargeWhen`.',
      ),
    );
  });

  it('is charged to the call, with headers, and separately from other calls', async () => {
    @Controller()
    class RowsController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Get('rows')
      async list(): Promise<string> {
        const tally = this.throttle.tally('rows');
        await this.page(30);
        await this.page(40);
        await tally.charge();
        return 'rows';
      }

      private async page(units: number): Promise<void> {
        const tally = this.throttle.tally('rows');
        tally.add(units);
        await tally.charge();
      }
    }
    const backend = new CountedBackend();
    const policies = { rows: { ...limit, by: by.header('x-api-key') } } as const;
    await using app = await startApp({
      adapter: 'express',
      controllers: [RowsController],
      options: { backend, policies },
    });
    const headers = { 'x-api-key': 'a' };
    const answers = await Promise.all([
      app.send('/rows', { headers }),
      app.send('/rows', { headers: { 'x-api-key': 'b' } }),
    ]);
    expect(answers.map((answer) => [answer.status, answer.headers.ratelimit])).toEqual([
      [200, '"rows";r=30;t=3600'],
      [200, '"rows";r=30;t=3600'],
    ]);
    expect((await app.send('/rows', { headers })).status).toBe(429);
    expect(backend.asked).toEqual(['spend rows', 'spend rows', 'spend rows']);
  });
});
