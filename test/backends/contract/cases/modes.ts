import { describe, expect, it } from '@jest/globals';
import type { Backend } from '../../../../src/backends/backend.js';
import type { Charge } from '../../../../src/core/decision.js';
import { ThrottleConfigError } from '../../../../src/core/errors.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import type { Bench } from '../backend-contract.js';
import { STRATEGIES } from '../random-policies.js';

const [a, b, c] = ['a', 'b', 'c'].map((name) => definePolicy(name, { rate: '10/s', strategy: 'fixed-window' }));
const leased = definePolicy('leased', { rate: '10/s', strategy: 'fixed-window', lease: { batch: 1 } });

/** A charge of one of the policies. */
function of(policy: typeof a, cost: number, mode?: Charge['mode'], subject = 'ada'): Charge {
  if (policy === undefined) throw new Error('there is no such policy');
  return { policy, subject, cost, ...(mode !== undefined && { mode }) };
}

async function left(backend: Backend, ...policies: readonly (typeof a)[]) {
  return (await backend.peek(policies.map((policy) => of(policy, 0)))).decisions.map(({ remaining }) => remaining);
}

/** How charges are decided that deny no call. */
export function modesContract({ open }: Bench): void {
  describe.each(STRATEGIES)('a monitored charge by %s', (strategy) => {
    const policy = definePolicy('p', { rate: '10/s', strategy, ...(strategy === 'gcra' ? { burst: 10 } : {}) });
    const ask = (cost: number) => ({ policy, subject: 'ada', cost });
    const watch = (cost: number): Charge => ({ ...ask(cost), mode: 'monitor' });

    it('is taken if it fits, and reports what an enforced one would', async () => {
      const [{ backend }, twin] = [await open(), await open()];
      const { decisions, binding, allowed, receipt } = await backend.spend([watch(6)]);
      const enforced = await twin.backend.spend([ask(6)]);
      expect(decisions).toEqual(enforced.decisions.map((decision) => ({ ...decision, mode: 'monitor' })));
      expect({ binding, allowed }).toEqual({ binding: null, allowed: true });
      expect(receipt).toEqual({ at: enforced.receipt?.at, charges: [watch(6)] });
      expect(await backend.peek([ask(5)])).toEqual(await twin.backend.peek([ask(5)]));
    });

    it('passes and takes nothing if it does not fit, and reports the denial', async () => {
      const { backend } = await open();
      await backend.spend([ask(6)]);
      const denied = await backend.peek([ask(5)]);
      expect(denied.allowed).toBe(false);
      const watched = await backend.spend([watch(5)]);
      expect(watched).toEqual({
        allowed: true,
        decisions: denied.decisions.map((decision) => ({ ...decision, mode: 'monitor' })),
        binding: null,
      });
      expect(await backend.peek([ask(5)])).toEqual(denied);
    });
  });

  describe('a call of several modes', () => {
    it('decides each monitored charge by itself, after the others', async () => {
      const { backend } = await open();
      await backend.spend([of(b, 8)]);
      const charges = [of(b, 5, 'monitor'), of(a, 3), of(c, 4, 'monitor'), of(c, 30, 'record')];
      const { allowed, decisions, binding, receipt } = await backend.spend(charges);
      expect(allowed).toBe(true);
      expect(decisions.map(({ allowed, remaining, mode }) => [allowed, remaining, mode])).toEqual([
        [false, 2, 'monitor'],
        [true, 7, undefined],
        [false, 0, 'monitor'],
        [true, 0, undefined],
      ]);
      expect(binding).toBe(decisions[3]);
      expect(receipt?.charges).toEqual([of(b, 0, 'monitor'), of(a, 3), of(c, 0, 'monitor'), of(c, 30, 'record')]);
      expect(await left(backend, a, b, c)).toEqual([7, 2, 0]);
    });

    it('has in its receipt what was taken, so that settling it gives no more back', async () => {
      const { backend } = await open();
      await backend.spend([of(b, 8)]);
      const { receipt } = await backend.spend([of(a, 3), of(b, 5, 'monitor'), of(c, 2, 'monitor')]);
      expect(await left(backend, a, b, c)).toEqual([7, 2, 8]);
      if (receipt !== undefined) await backend.settle(receipt, [0, 0, 0]);
      expect(await left(backend, a, b, c)).toEqual([10, 2, 10]);
    });

    it('has no receipt if all that is monitored is denied', async () => {
      const { backend } = await open();
      await backend.spend([of(a, 10)]);
      expect(await backend.spend([of(a, 1, 'monitor'), of(b, 0)])).not.toHaveProperty('receipt');
    });

    it('takes, records and monitors nothing if an enforced charge is denied', async () => {
      const { backend } = await open();
      await backend.spend([of(a, 8), of(c, 9)]);
      const charges = [of(b, 40, 'record'), of(a, 3), of(b, 4, 'monitor'), of(c, 2, 'monitor')];
      const { allowed, decisions, binding, receipt } = await backend.spend(charges);
      expect({ allowed, receipt }).toEqual({ allowed: false, receipt: undefined });
      expect(decisions.map(({ allowed, remaining, mode }) => [allowed, remaining, mode])).toEqual([
        [true, 10, undefined],
        [false, 2, undefined],
        [true, 10, 'monitor'],
        [false, 1, 'monitor'],
      ]);
      expect(binding).toBe(decisions[1]);
      expect(await left(backend, a, b, c)).toEqual([2, 10, 1]);
    });

    it('counts what is recorded on the same budget before an enforced charge', async () => {
      const { backend } = await open();
      const refused = await backend.spend([of(a, 6, 'record'), of(a, 5)]);
      expect(refused.decisions.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
        [true, 10],
        [false, 10],
      ]);
      expect(refused.decisions[1]?.retryAfterMs).toBeNull();
      expect((await backend.spend([of(a, 5), of(a, 6, 'record')])).allowed).toBe(true);
      expect(await left(backend, a)).toEqual([0]);
    });

    it('decides a charge on the total of those before it, those that are recorded too', async () => {
      const { backend } = await open();
      const { decisions } = await backend.spend([of(a, 11), of(a, 1, 'record'), of(a, 1)]);
      expect(decisions.map(({ allowed, retryAfterMs }) => [allowed, retryAfterMs])).toEqual([
        [false, null],
        [true, 0],
        [false, null],
      ]);
    });

    it('shows monitored charges what the others and the monitored ones before them take of their budget', async () => {
      const { backend } = await open();
      const watched = [of(a, 2, 'monitor'), of(a, 6), of(a, 3, 'monitor'), of(a, 2, 'monitor')];
      const { decisions, receipt } = await backend.spend(watched);
      expect(decisions.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
        [true, 2],
        [true, 4],
        [false, 2],
        [true, 0],
      ]);
      expect(receipt?.charges.map(({ cost }) => cost)).toEqual([2, 6, 0, 2]);
      expect(await left(backend, a)).toEqual([0]);
    });

    it('has the same outcome in peek, which writes nothing', async () => {
      const { backend } = await open();
      await backend.spend([of(b, 8)]);
      for (const charges of [
        [of(a, 3), of(b, 5, 'monitor'), of(b, 1, 'monitor')],
        [of(a, 30, 'record'), of(b, 1)],
        [of(a, 11), of(b, 1, 'monitor'), of(c, 50, 'record')],
        [of(c, 50, 'record')],
        [of(c, 0, 'record'), of(c, 0, 'monitor')],
      ]) {
        const before = await left(backend, a, b, c);
        const peeked = await backend.peek(charges);
        expect(await left(backend, a, b, c)).toEqual(before);
        const { receipt, ...spent } = await backend.spend(charges);
        expect(spent).toEqual(peeked);
        if (receipt !== undefined) {
          await backend.settle(
            receipt,
            charges.map(() => 0),
          );
        }
        expect(await left(backend, a, b, c)).toEqual(before);
      }
    });

    it('has a binding decision among recorded and enforced charges, or none', async () => {
      const { backend } = await open();
      await backend.spend([of(c, 9)]);
      const { binding, decisions } = await backend.spend([of(a, 5, 'record'), of(b, 1), of(c, 1, 'monitor')]);
      expect(binding).toBe(decisions[0]);
      expect((await backend.peek([of(c, 1, 'monitor')])).binding).toBeNull();
    });

    it('is enforced if it says so', async () => {
      const { backend } = await open();
      expect((await backend.spend([of(a, 10, 'enforce')])).receipt?.charges).toEqual([of(a, 10, 'enforce')]);
      expect((await backend.spend([of(a, 1, 'enforce')])).allowed).toBe(false);
    });
  });

  invalidCharges(open);
}

/** A backend that has no modes says so. */
export function refusalContract({ open }: Bench): void {
  describe('a backend without modes', () => {
    it.each([
      ['record', of(a, 1, 'record')],
      ['monitor', of(a, 1, 'monitor')],
      ['arguments', { ...of(a, 1), arguments: [1] }],
    ] as const)('refuses %s with an error of the configuration, and takes nothing', async (_what, charge) => {
      const { backend } = await open();
      for (const charges of [[charge], [of(b, 1), charge]]) {
        await expect((async () => backend.spend(charges))()).rejects.toThrow(ThrottleConfigError);
        await expect((async () => backend.peek(charges))()).rejects.toThrow(ThrottleConfigError);
      }
      expect(await left(backend, a, b)).toEqual([10, 10]);
    });

    it('refuses a settlement above what was taken, and the receipt can still be settled', async () => {
      const { backend } = await open();
      const { receipt } = await backend.spend([of(a, 1), of(b, 2)]);
      if (receipt === undefined) throw new Error('nothing was taken');
      await expect((async () => backend.settle(receipt, [0, 3]))()).rejects.toThrow(ThrottleConfigError);
      expect(await left(backend, a, b)).toEqual([9, 8]);
      await backend.settle(receipt, [0, 0]);
      expect(await left(backend, a, b)).toEqual([10, 10]);
    });
  });

  invalidCharges(open);
}

function invalidCharges(open: Bench['open']): void {
  describe.each(['spend', 'peek'] as const)('before anything else %s', (method) => {
    const fine = of(a, 1);

    it.each<readonly [what: string, more: object, message: string]>([
      ['an unknown mode', { mode: 'observe' }, 'mode: expected "enforce", "monitor" or "record", got "observe"'],
      ['a mode of null', { mode: null }, 'mode: expected "enforce", "monitor" or "record", got null'],
      [
        'arguments that are no list',
        { arguments: 5 },
        'arguments: expected whole numbers from 0 to 2^53 - 1, got 5 (number)',
      ],
      [
        'a fraction as an argument',
        { arguments: [1, 0.5] },
        'arguments[1]: expected whole numbers from 0 to 2^53 - 1, got 0.5 (number)',
      ],
      [
        'a negative argument',
        { arguments: [-1] },
        'arguments[0]: expected whole numbers from 0 to 2^53 - 1, got -1 (number)',
      ],
    ])('refuses %s with a RangeError, and takes nothing', async (_what, more, message) => {
      const { backend } = await open();
      const bad = { ...of(b, 1), ...more };
      for (const charges of [[bad], [fine, bad], [bad, fine]]) {
        const call = async () => Reflect.apply(backend[method], backend, [charges]);
        await expect(call()).rejects.toThrow(new RangeError(`a charge of "b": ${message}`));
      }
      expect(await left(backend, a, b)).toEqual([10, 10]);
    });

    it.each<readonly [what: string, charge: Charge]>([
      ['arguments that its strategy does not have', { ...fine, arguments: [1] }],
      ['overrides, if the backend stores no settings', { ...fine, overriddenBy: ['org:1'] }],
      ['a mode, of a leased policy', of(leased, 1, 'record')],
      ['a monitor, of a leased policy', of(leased, 1, 'monitor')],
    ])('refuses %s with an error that names the policy, and takes nothing', async (_what, charge) => {
      const { backend } = await open();
      const calls = [[charge], [of(b, 1), charge], [charge, of(b, 1)]];
      for (const charges of calls) {
        const call = async () => backend[method](charges);
        await expect(call()).rejects.toThrow(ThrottleConfigError);
        await expect(call()).rejects.toThrow(`"${charge.policy.name}"`);
      }
      expect(await left(backend, a, b)).toEqual([10, 10]);
    });
  });
}
