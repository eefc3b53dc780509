import { describe, expect, it } from '@jest/globals';
import {
  type Charge,
  ManualClock,
  MemoryBackend,
  type Outcome,
  subjectOf,
  type ThrottleEvent,
  type ThrottleModuleOptions,
} from '../../src/index.js';
import { startContext } from '../support/service-app.js';

const ada = { subject: subjectOf.user('ada') };
const api = { rate: '5/min', strategy: 'fixed-window' } as const;

/** Two applications alike: one is asked by a name, a cost and a subject, the other by a list, which takes all steps. */
async function both(options: ThrottleModuleOptions, costs: readonly number[], method: 'consume' | 'hit' = 'consume') {
  const told: unknown[] = [];
  for (const isPlain of [true, false]) {
    const backend = new MemoryBackend({ clock: new ManualClock(1_750_000_000_000) });
    await using context = await startContext({ ...options, backend });
    const { throttle } = context;
    const events: ThrottleEvent[] = [];
    throttle.events$.subscribe((event) => events.push(event));
    const outcomes: unknown[] = [];
    for (const cost of costs) {
      const asked = isPlain ? throttle[method]('api', cost, ada) : throttle[method]([{ policy: 'api', cost }], ada);
      outcomes.push(await asked.catch((error: unknown) => error));
    }
    await new Promise(setImmediate);
    told.push({ outcomes, events: events.map(({ type }) => type), violations: [...throttle.violations] });
  }
  return told;
}

describe('a charge by a name, a cost and a subject', () => {
  it.each<readonly [string, ThrottleModuleOptions]>([
    ['of one rate', { policies: { api } }],
    ['of two rates', { policies: { api: { ...api, rate: '5/min; 6/h' } } }],
    ['of a rate that is a function', { policies: { api: { ...api, rate: () => '5/min' } } }],
    ['that is unlimited', { policies: { api: { rate: 'unlimited' } } }],
    ['that is monitored', { policies: { api: { ...api, mode: 'monitor' } } }],
    ['that is off', { policies: { api: { ...api, mode: 'off' } } }],
    ['that is skipped', { policies: { api: { ...api, skip: () => true } } }],
    ['that may be overridden', { policies: { api: { ...api, overrides: true } } }],
    ['with a scope in its context', { policies: { api: { ...api, context: { scope: 'eu' } } } }],
    ['of a calendar', { policies: { api: { rate: '5/day', strategy: 'calendar', thresholds: [0.5] } } }],
    ['that blocks', { policies: { api: { ...api, block: { for: '1h' } } } }],
    ['that delays', { policies: { api: { rate: '5/min', strategy: 'leaky-bucket' } } }],
    ['that needs the end of the call', { policies: { api: { ...api, chargeWhen: 'success' } } }],
    ['of calls at a time', { policies: { api: { concurrency: 2 } } }],
    ['of plans', { policies: { api }, plans: { of: () => 'free', default: 'free', tiers: { free: { api: '2/h' } } } }],
    ['under a module that skips', { policies: { api }, skip: () => true }],
    ['under a module that monitors', { policies: { api }, mode: 'monitor' }],
  ])('is decided and reported as any other, under a policy %s', async (_what, options) => {
    const [plain, other] = await both(options, [1, 3, 0, 2, 1, 1, 9]);
    expect(plain).toEqual(other);
  });

  it.each<readonly [string, ThrottleModuleOptions]>([
    ['of one rate', { policies: { api } }],
    ['that is monitored', { policies: { api: { ...api, mode: 'monitor' } } }],
    ['of a calendar', { policies: { api: { rate: '5/day', strategy: 'calendar', thresholds: [0.5] } } }],
    ['that blocks', { policies: { api: { ...api, block: { for: '1h' } } } }],
  ])('is rejected as any other by hit(), under a policy %s', async (_what, options) => {
    const [plain, other] = await both(options, [1, 3, 0, 2, 1, 1, 9], 'hit');
    expect(plain).toEqual(other);
  });

  it('is delayed by hit()', async () => {
    const clock = new ManualClock(1_750_000_000_000);
    const policies = { api: { rate: '5/min', strategy: 'leaky-bucket' } } as const;
    await using context = await startContext({ policies, backend: new MemoryBackend({ clock }) });
    const { throttle } = context;
    expect(await throttle.hit('api', 1, ada)).toMatchObject({ binding: { delayMs: 0 } });
    const delayed = throttle.hit('api', 1, ada);
    expect(clock.waiting).toBe(1);
    clock.advance(12_000);
    expect(await delayed).toMatchObject({ binding: { delayMs: 12_000 } });
  });

  it('follows a change at run time', async () => {
    await using context = await startContext({ policies: { api } });
    const { throttle } = context;
    const limits: unknown[] = [];
    const ask = async () => limits.push((await throttle.consume('api', 1, ada)).binding?.limit);
    await ask();
    await throttle.policies.update('api', { rate: '7/min' });
    await ask();
    await throttle.policies.update('api', { mode: 'off' });
    await ask();
    await throttle.policies.reset('api');
    await ask();
    expect(limits).toEqual([5, 7, undefined, 5]);
  });

  it('takes what the options inherit into account', async () => {
    class Options {
      subject = 'user:1';
      get context() {
        return { scope: 'eu' };
      }
    }
    const charges: (readonly Charge[])[] = [];
    class Noting extends MemoryBackend {
      override spend(asked: readonly Charge[]): Outcome {
        charges.push(asked);
        return super.spend(asked);
      }
    }
    await using context = await startContext({ policies: { api }, backend: new Noting() });
    await context.throttle.consume('api', 1, new Options());
    await context.throttle.consume('api', 1, { subject: 'scope:1' });
    expect(charges.flat().map(({ subject }) => subject)).toEqual(['scope:2:eu:user:1', 'scope::scope:1']);
  });

  it('waits for a backend that answers later, with any thenable, and passes on what it throws', async () => {
    const failure = new Error('no backend');
    class Late extends MemoryBackend {
      answer: 'then' | 'throw' | 'reject' = 'then';
      override spend(charges: readonly Charge[]): Outcome {
        if (this.answer === 'throw') throw failure;
        const answer: unknown = this.answer === 'reject' ? Promise.reject(failure) : this.#thenable(charges);
        return answer as Outcome;
      }
      #thenable(charges: readonly Charge[]): PromiseLike<Outcome> {
        const outcome = super.spend(charges);
        // biome-ignore lint/suspicious/noThenProperty: a promise of another kind
        return { then: (...handlers) => Promise.resolve(outcome).then(...handlers) };
      }
    }
    const backend = new Late();
    await using context = await startContext({ policies: { api }, backend });
    const { throttle } = context;
    expect(await throttle.consume('api', 5, ada)).toMatchObject({ allowed: true, binding: { remaining: 0 } });
    await expect(throttle.hit('api', 1, ada)).rejects.toMatchObject({ status: 429 });
    for (const answer of ['throw', 'reject'] as const) {
      backend.answer = answer;
      await expect(throttle.consume('api', 1, ada)).rejects.toBe(failure);
      await expect(throttle.hit('api', 1, ada)).rejects.toBe(failure);
    }
  });
});
