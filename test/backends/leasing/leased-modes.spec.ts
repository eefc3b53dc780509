import { beforeEach, describe, expect, it } from '@jest/globals';
import { LeasingBackend } from '../../../src/backends/leasing/leasing.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import type { Charge } from '../../../src/core/decision.js';
import { ThrottleConfigError } from '../../../src/core/errors.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { FarStore } from './far-store.js';

const NOON = Date.UTC(2026, 0, 1, 12);
const leased = definePolicy('leased', { rate: '100/h', strategy: 'fixed-window', lease: { batch: 10 } });
const plain = definePolicy('plain', { rate: '100/h', strategy: 'fixed-window' });
const charge = (policy: typeof leased, cost = 1, subject = 'ada'): Charge => ({ policy, subject, cost });

describe('a backend with leases', () => {
  let clock: ManualClock;
  let store: FarStore;
  let backend: LeasingBackend;

  const used = (policy = leased) => policy.limit - (store.peek([charge(policy, 0)]).binding?.remaining ?? 0);

  beforeEach(() => {
    clock = new ManualClock(NOON);
    store = new FarStore({ clock });
    backend = new LeasingBackend(store);
  });

  it.each<Partial<Charge>>([{ mode: 'record' }, { mode: 'monitor' }, { arguments: [1] }, { overriddenBy: ['org'] }])(
    'refuses leased charges with %j, and takes nothing',
    (more) => {
      const asked = { ...charge(leased), ...more };
      for (const charges of [[asked], [charge(plain), asked], [{ ...asked, cost: 0 }]]) {
        expect(() => backend.spend(charges)).toThrow(ThrottleConfigError);
        expect(() => backend.peek(charges)).toThrow('the policy has a `lease`');
      }
      expect([used(), used(plain)]).toEqual([0, 0]);
    },
  );

  it('settles leased charges upward at the backend, in full', async () => {
    const { receipt } = await backend.spend([charge(leased, 4), charge(plain, 2)]);
    if (receipt === undefined) throw new Error('nothing was taken');
    expect([used(), used(plain)]).toEqual([10, 2]);
    await backend.settle(receipt, [130, 5]);
    expect([used(), used(plain)]).toEqual([100, 5]);
    await backend.settle(receipt, [0, 0]);
    expect([used(), used(plain)]).toEqual([100, 5]);
    clock.advance(3_600_000);
    expect((await backend.spend([charge(leased)])).allowed).toBe(true);
  });

  it('decides recorded and monitored charges beside leased ones, and settles what was taken', async () => {
    store.spend([charge(plain, 95)]);
    const asked: readonly Charge[] = [
      { ...charge(plain, 6), mode: 'monitor' },
      charge(leased, 3),
      { ...charge(plain, 4, 'bob'), mode: 'record' },
    ];
    const peeked = await backend.peek(asked);
    const { receipt, ...spent } = await backend.spend(asked);
    expect(spent.decisions).toMatchObject([
      { policy: plain.name, allowed: false, mode: 'monitor' },
      { policy: leased.name, allowed: true },
      { policy: plain.name, allowed: true },
    ]);
    expect({ allowed: spent.allowed, peeked: peeked.allowed }).toEqual({ allowed: true, peeked: true });
    expect(spent.binding?.mode).toBeUndefined();
    expect(receipt?.charges.map(({ cost }) => cost)).toEqual([0, 3, 4]);
    if (receipt !== undefined) await backend.settle(receipt, [0, 0, 0]);
    expect(used(plain)).toBe(95);
    expect(store.peek([charge(plain, 0, 'bob')]).binding?.remaining).toBe(100);
  });

  it('has no receipt for what took nothing', async () => {
    store.spend([charge(plain, 95)]);
    await backend.spend([charge(leased, 1)]);
    const outcome = await backend.spend([charge(leased, 0), { ...charge(plain, 6), mode: 'monitor' }]);
    expect(outcome.allowed).toBe(true);
    expect(outcome).not.toHaveProperty('receipt');
  });

  it('refuses a copy of a receipt', async () => {
    const { receipt } = await backend.spend([charge(leased, 4)]);
    await expect(backend.settle(JSON.parse(JSON.stringify(receipt)), [0])).rejects.toThrow(/holds/);
    expect((await backend.peek([charge(leased, 0)])).binding?.remaining).toBe(96);
  });
});
