import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import { EXEMPT, type Outcome, type PolicyOptions, subjectOf, Throttle, ThrottleService } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';
import { acting } from '../support/scripted-handler.js';
import { startContext, type TestContext } from '../support/service-app.js';

const strategy = 'fixed-window';
const ada = { subject: subjectOf.user('ada') };

const start = (more: Partial<PolicyOptions> = {}) =>
  startContext({ policies: { mail: { rate: '10/min', strategy, ...more } } });

const left = async ({ throttle }: TestContext) => (await throttle.stat('mail', ada))?.remaining;

describe('refund', () => {
  it('returns all units that an outcome took', async () => {
    await using context = await start();
    await context.throttle.hit('mail', 3, ada);
    const outcome = await context.throttle.hit('mail', 4, ada);
    expect(await left(context)).toBe(3);
    await context.throttle.refund(outcome);
    expect(await left(context)).toBe(7);
  });

  it('returns a number of units, and never more than was taken', async () => {
    await using context = await start();
    await context.throttle.hit('mail', 3, ada);
    const outcome = await context.throttle.hit('mail', 4, ada);
    await context.throttle.refund(outcome, 1);
    expect(await left(context)).toBe(4);
    await context.throttle.refund(outcome, 0);
    expect(await left(context)).toBe(4);
    await context.throttle.refund(outcome, 2);
    expect(await left(context)).toBe(6);
    await context.throttle.refund(outcome, 100);
    expect(await left(context)).toBe(7);
    await context.throttle.refund(outcome);
    expect(await left(context)).toBe(7);
  });

  it('returns nothing for undefined units, which is an error', async () => {
    await using context = await start();
    const outcome = await context.throttle.hit('mail', 4, ada);
    const units: { readonly unused?: number } = {};
    await expect(context.throttle.refund(outcome, units.unused as number)).rejects.toThrow(
      new RangeError('refund(): expected units, a safe integer of at least 0, got undefined'),
    );
    expect(await left(context)).toBe(6);
  });

  it('returns units once, even if it is called several times, in sequence or concurrently', async () => {
    await using context = await start();
    await context.throttle.hit('mail', 3, ada);
    const [first, second] = [await context.throttle.hit('mail', 2, ada), await context.throttle.hit('mail', 2, ada)];
    await context.throttle.refund(first);
    await context.throttle.refund(first);
    expect(await left(context)).toBe(5);
    await Promise.all([1, 2, 3].map(() => context.throttle.refund(second, 1)));
    expect(await left(context)).toBe(7);
  });

  it('does not change the response to a call', async () => {
    await using context = await start();
    const outcome = await context.throttle.hit('mail', 4, ada);
    const before = structuredClone(outcome);
    await context.throttle.refund(outcome);
    expect(outcome).toEqual(before);
  });

  it('returns nothing to the next window', async () => {
    await using context = await start();
    const outcome = await context.throttle.hit('mail', 4, ada);
    context.clock.advance(60_000);
    await context.throttle.hit('mail', 5, ada);
    await context.throttle.refund(outcome);
    expect(await left(context)).toBe(5);
  });

  it('of a copy of an outcome, as in a job, is refused with an error that names holds', async () => {
    await using context = await start();
    const outcome = await context.throttle.hit('mail', 4, ada);
    const copy: Outcome = JSON.parse(JSON.stringify(outcome));
    await expect(context.throttle.refund(copy)).rejects.toThrow(/copy of a receipt.*holds/);
    expect(await left(context)).toBe(6);
    for (const units of [1, 3]) await context.throttle.refund(outcome, units);
    expect(await left(context)).toBe(10);
  });

  it('of a denied outcome returns nothing', async () => {
    await using context = await start();
    await context.throttle.hit('mail', 8, ada);
    const denied = await context.throttle.consume('mail', 3, ada);
    expect(denied.allowed).toBe(false);
    await context.throttle.refund(denied);
    await context.throttle.refund(denied, 1);
    expect(await left(context)).toBe(2);
  });

  it.each<readonly [string, Partial<PolicyOptions>, number]>([
    ['exempt', { by: (): typeof EXEMPT => EXEMPT }, 3],
    ['skipped', { skip: () => true }, 3],
    ['unlimited', { rate: 'unlimited' }, 3],
    ['free', { by: () => 'all' }, 0],
  ])('of an outcome that is %s does nothing', async (_, more, cost) => {
    await using context = await start(more);
    const outcome = await context.throttle.hit('mail', cost);
    expect(outcome).toEqual({ allowed: true, decisions: [], binding: null });
    await expect(context.throttle.refund(outcome)).resolves.toBeUndefined();
  });

  it('returns to each policy what it took', async () => {
    await using context = await start({ rate: '10/min; 50/hour' });
    const outcome = await context.throttle.hit('mail', 6, ada);
    await context.throttle.refund(outcome, 4);
    const { decisions } = await context.throttle.consume('mail', 1, ada);
    expect(decisions.map(({ policy, remaining }) => [policy, remaining])).toEqual([
      ['mail-1m', 7],
      ['mail-1h', 47],
    ]);
  });

  it.each([Number.NaN, -1, 1.5, 2 ** 53])('of %p units is a RangeError', async (units) => {
    await using context = await start();
    const outcome = await context.throttle.hit('mail', 4, ada);
    await expect(context.throttle.refund(outcome, units)).rejects.toThrow(
      new RangeError(`refund(): expected units, a safe integer of at least 0, got ${units}`),
    );
    expect(await left(context)).toBe(6);
  });
});

describe.each(adapters)('refund on %s', (adapter) => {
  it('returns what hit took on a call, but not the charges of the guard', async () => {
    const act = async (throttle: ThrottleService) => {
      const outcome: Outcome = await throttle.hit(5);
      await throttle.refund(outcome);
      return { remaining: (await throttle.stat())?.remaining };
    };
    await using app = await startApp({
      adapter,
      controllers: [acting(act, { onMethod: { rate: '10/min', strategy } })],
    });
    expect((await app.send('/act')).body).toEqual({ remaining: 9 });
    expect((await app.send('/act')).body).toEqual({ remaining: 8 });
  });

  it('works after the response', async () => {
    const outcomes: Outcome[] = [];

    @Controller()
    class UploadController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Throttle({ rate: '10/min', strategy, manual: true }) @Get() async upload() {
        outcomes.push(await this.throttle.hit(10));
      }
    }
    await using app = await startApp({ adapter, controllers: [UploadController] });
    expect(await app.statuses('/', 2)).toEqual([200, 429]);
    for (const outcome of outcomes) await app.app.get(ThrottleService).refund(outcome);
    expect(await app.statuses('/', 2)).toEqual([200, 429]);
  });
});
