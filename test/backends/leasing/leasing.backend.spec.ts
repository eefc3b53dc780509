import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type Charge,
  definePolicy,
  type Grant,
  type LeasableBackend,
  LeasingBackend,
  ManualClock,
  MemoryBackend,
  type Target,
  ThrottleConfigError,
} from '../../../src/index.js';
import { createSettings } from '../../../src/module/create-settings.js';
import { turns } from './lease-fixture.js';

const NOON = Date.UTC(2026, 0, 1, 12);
const leased = definePolicy('leased', { rate: '100/h', strategy: 'fixed-window', lease: { batch: 10 } });
const plain = definePolicy('plain', { rate: '5/h', strategy: 'fixed-window' });

/** A store of a user's own, far away: it leases what memory has, and says what it was asked for. */
class FarStore extends MemoryBackend implements LeasableBackend {
  readonly remote = true;
  readonly wanted: number[] = [];

  async lease({ policy, subject }: Target, wanted: number): Promise<Grant> {
    this.wanted.push(wanted);
    const { binding } = this.peek([{ policy, subject, cost: 0 }]);
    const granted = Math.min(wanted, binding?.remaining ?? 0);
    const { decisions, receipt } = this.spend([{ policy, subject, cost: granted }]);
    const at = receipt?.at ?? this.clock.now();
    return { granted, remaining: decisions[0]?.remaining ?? 0, at, endsInMs: decisions[0]?.resetMs ?? 0 };
  }
}

const charge = (policy: typeof leased, cost = 1, subject = 'ada'): Charge => ({ policy, subject, cost });

describe('a store that can lease', () => {
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
  ])('is what it takes, with options that fit: %p, %p', (given, options, message) => {
    const make = () => new LeasingBackend((given === null ? store : given) as never, options as never);
    expect(make).toThrow(ThrottleConfigError);
    expect(make).toThrow(message);
  });

  it('is asked once a batch', async () => {
    for (let i = 0; i < 25; i++) {
      expect((await backend.spend([charge(leased)])).allowed).toBe(true);
      clock.advance(10);
    }
    expect(store.wanted).toEqual([10, 10, 10]);
  });

  it('decides itself what is not leased, and what is charged to subjects that are very long', async () => {
    const long = 'x'.repeat(257);
    expect(backend.spend([charge(plain)])).toEqual(expect.objectContaining({ allowed: true }));
    await backend.spend([charge(leased, 1, long)]);
    await backend.spend([charge(leased, 1, long.slice(1))]);
    expect(store.wanted).toEqual([10]);
    expect(store.peek([charge(leased, 0, long)]).binding?.remaining).toBe(99);
  });

  it('is given back what nobody spends, when it is closed, even while it is asked', async () => {
    await backend.spend([charge(leased, 3)]);
    const underWay = backend.spend([charge(leased, 8)]);
    await backend.close();
    expect((await underWay).allowed).toBe(true);
    expect(used()).toBe(11);
    await backend.spend([charge(leased)]);
    expect(used()).toBe(12);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'lets no call pass uncharged while a denial ends in it, %i readings of the clock on',
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
      // What is known to be spent is known for a second.
      ticking.advance(1000 - 1 - readings);
      ticking.isTicking = true;
      const { allowed, receipt } = await here.spend([charge(leased)]);
      expect(receipt !== undefined).toBe(allowed);
    },
  );

  it('gets back what was taken for a call whose answer came too late', async () => {
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

  it('is wrapped by the module, whoever wrote it', async () => {
    const { backend: ofModule } = createSettings({ backend: store });
    for (let i = 0; i < 19; i++) {
      await ofModule.spend([charge(leased)]);
      clock.advance(10);
    }
    expect(store.wanted).toEqual([10, 10]);
    await ofModule.close?.();
    expect(used()).toBe(19);
  });
});

describe('memory', () => {
  it('decides a leased policy as any other', () => {
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
