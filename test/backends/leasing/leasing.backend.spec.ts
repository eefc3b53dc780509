import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Target } from '../../../src/backends/backend.js';
import { canLease, LeasingBackend } from '../../../src/backends/leasing/leasing.backend.js';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import type { Charge } from '../../../src/core/decision.js';
import { ThrottleConfigError } from '../../../src/core/errors.js';
import { createSettings } from '../../../src/module/create-settings.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { FarStore } from './far-store.js';
import { turns } from './lease-fixture.js';

const NOON = Date.UTC(2026, 0, 1, 12);
const leased = definePolicy('leased', { rate: '100/h', strategy: 'fixed-window', lease: { batch: 10 } });
const plain = definePolicy('plain', { rate: '5/h', strategy: 'fixed-window' });

const charge = (policy: typeof leased, cost = 1, subject = 'ada'): Charge => ({ policy, subject, cost });

describe('LeasingBackend', () => {
  let clock: ManualClock;
  let store: FarStore;
  let backend: LeasingBackend;

  const used = (policy = leased) => policy.limit - (store.peek([charge(policy, 0)]).binding?.remaining ?? 0);

  beforeEach(() => {
    clock = new ManualClock(NOON);
    store = new FarStore({ clock });
    backend = new LeasingBackend(store);
  });

  it.each<readonly [unknown, unknown, string]>([
    [new MemoryBackend(), {}, 'backend: expected a remote backend with `lease`, got an instance of MemoryBackend'],
    [undefined, {}, 'backend: expected a remote backend with `lease`, got undefined'],
    [null, { timeoutMs: 0 }, 'timeoutMs: expected a whole number of milliseconds, at least 1, got 0 (number)'],
    [null, { denyMemoryMs: -1 }, 'denyMemoryMs: expected a whole number of milliseconds, at least 0, got -1 (number)'],
    [null, { maxDenials: 0 }, 'maxDenials: expected a whole number of at least 1, got 0 (number)'],
    [null, { timeout: 5 }, 'there is no option "timeout". Did you mean "timeoutMs"?'],
  ])('rejects a backend that cannot lease, and invalid options: %p, %p', (given, options, message) => {
    const make = () => new LeasingBackend((given === null ? store : given) as never, options as never);
    expect(make).toThrow(ThrottleConfigError);
    expect(make).toThrow(message);
  });

  it('asks the store once per batch', async () => {
    for (let i = 0; i < 25; i++) {
      expect((await backend.spend([charge(leased)])).allowed).toBe(true);
      clock.advance(10);
    }
    expect(store.wanted).toEqual([10, 10, 10]);
  });

  it('leaves unleased policies and very long subjects to the store', async () => {
    const long = 'x'.repeat(257);
    expect(backend.spend([charge(plain)])).toEqual(expect.objectContaining({ allowed: true }));
    await backend.spend([charge(leased, 1, long)]);
    await backend.spend([charge(leased, 1, long.slice(1))]);
    expect(store.wanted).toEqual([10]);
    expect(store.peek([charge(leased, 0, long)]).binding?.remaining).toBe(99);
  });

  it('returns unspent units when it is closed, even with a grant in flight', async () => {
    await backend.spend([charge(leased, 3)]);
    const underWay = backend.spend([charge(leased, 8)]);
    await backend.close();
    expect((await underWay).allowed).toBe(true);
    expect(used()).toBe(11);
    await backend.spend([charge(leased)]);
    expect(used()).toBe(12);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'allows no call without charging it if a known denial ends during the call, after %i readings of the clock',
    async (readings) => {
      class TickingClock extends ManualClock {
        isTicking = false;

        override now(): number {
          if (this.isTicking) this.advance(1);
          return super.now();
        }
      }
      const ticking = new TickingClock(NOON);
      const far = new FarStore({ clock: ticking });
      const here = new LeasingBackend(far);
      const ofAnother = far.spend([charge(leased, 95)]);
      await here.spend([charge(leased, 5)]);
      expect((await here.spend([charge(leased)])).allowed).toBe(false);
      if (ofAnother.receipt !== undefined) far.settle(ofAnother.receipt, [0]);
      // The server is known to be empty for a second.
      ticking.advance(1000 - 1 - readings);
      ticking.isTicking = true;
      const { allowed, receipt } = await here.spend([charge(leased)]);
      expect(receipt !== undefined).toBe(allowed);
    },
  );

  it('returns everything that was taken for a call whose decision came after its deadline', async () => {
    let answer = () => {};
    const slow = new LeasingBackend(
      Object.assign(Object.create(store), {
        lease: (target: Target, wanted: number) => store.lease(target, wanted),
        spend: (charges: readonly Charge[]) =>
          new Promise((resolve) => {
            answer = () => resolve(store.spend(charges));
          }),
        settle: store.settle.bind(store),
      }),
      { timeoutMs: 20 },
    );
    await expect(slow.spend([charge(leased, 4), charge(plain, 2)])).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect((await slow.peek([charge(leased, 0)])).binding?.remaining).toBe(96);
    answer();
    expect(used(plain)).toBe(2);
    await turns();
    expect(used(plain)).toBe(0);
    expect((await slow.peek([charge(leased, 0)])).binding?.remaining).toBe(100);
  });

  it.each<readonly [what: string, isGranted: boolean, others: readonly string[], domain: string | undefined]>([
    ['a grant', false, ['bob'], 'of ada'],
    ['the other charges', true, ['bob'], 'of bob'],
    ['charges in two parts of it', true, ['bob', 'eve'], undefined],
  ])(
    'names the part of the backend that lets a call wait beyond its deadline for %s',
    async (_, isGranted, others, domain) => {
      const never = () => new Promise(() => undefined);
      const slow = new LeasingBackend(
        Object.assign(Object.create(store), {
          lease: isGranted ? (target: Target, wanted: number) => store.lease(target, wanted) : never,
          spend: never,
          domains: {
            of: (targets: readonly Target[]) => [...new Set(targets.map(({ subject }) => `of ${subject}`))],
            all: () => [],
          },
        }),
        { timeoutMs: 20 },
      );
      const call = slow.spend([charge(leased), ...others.map((subject) => charge(plain, 1, subject))]);
      const error = await Promise.resolve(call).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'TIMEOUT' });
      expect(Reflect.get(Object(error), 'domain')).toBe(domain);
    },
  );

  it('waits for the return of unspent units when it is closed', async () => {
    let finish = () => {};
    const slow = new LeasingBackend(
      Object.assign(Object.create(store), {
        lease: (target: Target, wanted: number) => store.lease(target, wanted),
        settle: () =>
          new Promise<void>((resolve) => {
            finish = resolve;
          }),
        close: () => store.close(),
      }),
    );
    await slow.spend([charge(leased)]);
    let isClosed = false;
    const closing = slow.close().then(() => {
      isClosed = true;
    });
    await turns();
    expect(isClosed).toBe(false);
    finish();
    await closing;
  });

  it('rejects a waiting call if the store throws instead of rejecting', async () => {
    const throwing = new LeasingBackend(
      Object.assign(Object.create(store), {
        lease: (target: Target, wanted: number) => store.lease(target, wanted),
        spend: () => {
          throw new Error('no connection');
        },
        settle: store.settle.bind(store),
        close: () => store.close(),
      }),
    );
    const [first, other] = [throwing.spend([charge(leased)]), throwing.spend([charge(leased, 2)])];
    const closing = throwing.close();
    await expect(first).rejects.toThrow('no connection');
    await expect(other).rejects.toThrow('no connection');
    await closing;
    expect(used()).toBe(0);
  });

  it('has no units to lease to another LeasingBackend', () => {
    expect([canLease(store), canLease(backend)]).toEqual([true, false]);
  });

  it('is added to a custom store by the module', async () => {
    const { backend: ofModule } = createSettings({}, store);
    for (let i = 0; i < 19; i++) {
      await ofModule.spend([charge(leased)]);
      clock.advance(10);
    }
    expect(store.wanted).toEqual([10, 10]);
    await ofModule.close?.();
    expect(used()).toBe(19);
  });
});

describe('MemoryBackend', () => {
  it('decides a leased policy like any other', () => {
    const [one, other] = [0, 0].map(() => new MemoryBackend({ clock: new ManualClock(NOON) }));
    const unleased = definePolicy('leased', { rate: '100/h', strategy: 'fixed-window' });
    for (const cost of [1, 60, 40, 39]) {
      const { receipt: a, ...mine } = one?.spend([charge(leased, cost)]) ?? {};
      const { receipt: b, ...theirs } = other?.spend([charge(unleased, cost)]) ?? {};
      expect(mine).toEqual(theirs);
      expect(a?.at).toBe(b?.at);
    }
  });
});
