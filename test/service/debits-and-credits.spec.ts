import { describe, expect, it } from '@jest/globals';
import { MemoryBackend, subjectOf, ThrottleConfigError, type ThrottleModuleOptions } from '../../src/index.js';
import { startContext } from '../support/service-app.js';

const strategy = 'fixed-window';
const mail = { rate: '10/min', strategy } as const;
const ada = { subject: subjectOf.user('ada') };

const start = (policies: ThrottleModuleOptions['policies'] = { mail }) => startContext({ policies });

describe('units taken and returned by hand', () => {
  it('are taken in full by a debit, after which the next call passes at its exact instant', async () => {
    await using context = await start();
    const { throttle, clock } = context;
    const outcome = await throttle.debit('mail', 20, ada);
    expect(outcome).toMatchObject({ allowed: true, decisions: [{ remaining: 0, resetMs: 60_000, retryAfterMs: 0 }] });
    expect((await throttle.consume('mail', 1, ada)).binding).toMatchObject({ allowed: false, retryAfterMs: 60_000 });
    clock.advance(59_999);
    expect(await throttle.check('mail', 1, ada)).toBe(false);
    clock.advance(1);
    expect(await throttle.check('mail', 10, ada)).toBe(true);
  });

  it('are refunded like those of a call', async () => {
    await using context = await start();
    const outcome = await context.throttle.debit('mail', 15, ada);
    await context.throttle.refund(outcome, 7);
    expect(await context.throttle.stat('mail', ada)).toMatchObject({ remaining: 2 });
  });

  it('are returned by a credit, up to the full limit', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.hit('mail', 9, ada);
    await throttle.credit('mail', 4, ada);
    expect(await throttle.stat('mail', ada)).toMatchObject({ remaining: 5 });
    for (const units of [0, 100]) await throttle.credit('mail', units, ada);
    expect(await throttle.stat('mail', ada)).toMatchObject({ remaining: 10, resetMs: 0 });
    expect(await throttle.stat('mail', { subject: 'user:bob' })).toMatchObject({ remaining: 10 });
  });

  it('belong to the budget in force: under an override, a plan, or a mode', async () => {
    await using context = await startContext({
      policies: {
        mail: { ...mail, overrides: true },
        api: mail,
        seen: { ...mail, mode: 'monitor' },
        off: { ...mail, mode: 'off' },
      },
      plans: { of: () => 'pro', default: 'pro', tiers: { pro: { api: '20/h' } } },
    });
    const { throttle } = context;
    for (const [rate, left] of [
      ['30/min', 25],
      ['40/h', 35],
    ] as const) {
      await throttle.overrides.set('mail', ada.subject, rate);
      await throttle.reset('mail', ada);
      await throttle.hit('mail', 10, ada);
      await throttle.credit('mail', 5, ada);
      expect(await throttle.stat('mail', ada)).toMatchObject({ remaining: left });
    }
    await throttle.overrides.set('mail', ada.subject, 'unlimited');
    await throttle.credit('mail', 5, ada);
    await throttle.debit('mail', 5, ada);
    await throttle.debit('api', 22, ada);
    await throttle.credit('api', 5, ada);
    expect(await throttle.stat('api', ada)).toMatchObject({ limit: 20, remaining: 3 });
    expect((await throttle.debit('seen', 12, ada)).decisions[0]).toMatchObject({ remaining: 0 });
    await throttle.credit('seen', 5, ada);
    expect((await throttle.consume('seen', 3, ada)).decisions[0]).toMatchObject({ mode: 'monitor', remaining: 0 });
    expect((await throttle.debit('off', 12, ada)).decisions).toEqual([]);
    await throttle.credit('off', 12, ada);
  });

  it('are none for a call that the `skip` of the module exempts', async () => {
    let isExempt = false;
    await using context = await startContext({ policies: { mail }, skip: () => isExempt });
    const { throttle } = context;
    await throttle.debit('mail', 4, ada);
    isExempt = true;
    expect(await throttle.debit('mail', 4, ada)).toMatchObject({ allowed: true, decisions: [] });
    await throttle.credit('mail', 4, ada);
    isExempt = false;
    expect(await throttle.stat('mail', ada)).toMatchObject({ remaining: 6 });
  });

  it('do not change a block', async () => {
    await using context = await start({ mail: { ...mail, block: { for: '5m' } } });
    const { throttle } = context;
    await throttle.hit('mail', 10, ada);
    await throttle.consume('mail', 1, ada);
    await throttle.credit('mail', 5, ada);
    await throttle.debit('mail', 1, ada);
    expect(await throttle.stat('mail', ada)).toMatchObject({ reason: 'blocked', retryAfterMs: 300_000 });
    await throttle.blocks.delete('mail', ada.subject);
    expect(await throttle.stat('mail', ada)).toMatchObject({ allowed: true, remaining: 4 });
  });

  it('are refused for a leased policy, invalid values, and a backend without support', async () => {
    await using context = await start({ mail: { ...mail, lease: { batch: 2 } } });
    const { throttle } = context;
    await expect(throttle.credit('mail', 1, ada)).rejects.toThrow('credit("mail"): the policy has a `lease`');
    await expect(throttle.debit('mail', 1, ada)).rejects.toThrow(ThrottleConfigError);
    for (const units of [-1, 0.5, Number.NaN]) {
      await expect(throttle.credit('mail', units, ada)).rejects.toThrow(RangeError);
      await expect(throttle.debit('mail', units, ada)).rejects.toThrow(RangeError);
    }
    const nothing = undefined as never;
    await expect(throttle.debit(nothing, 1, ada)).rejects.toThrow("expected a policy's name");
    await expect(throttle.credit('mail', nothing, ada)).rejects.toThrow(RangeError);
    for (const method of ['debit', 'credit'] as const) {
      const error: unknown = await throttle[method](nothing, 1, ada).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ThrottleConfigError);
      expect(String(error)).toContain(`${method}(): expected a policy's name, or a policy that definePolicy() made`);
      expect(String(error)).not.toContain('Without a policy');
    }
    const backend = new MemoryBackend();
    Object.defineProperty(backend, 'credit', { value: undefined });
    await using other = await startContext({ policies: { mail }, backend });
    await expect(other.throttle.credit('mail', 1, ada)).rejects.toThrow('MemoryBackend has no `credit`');
  });
});
