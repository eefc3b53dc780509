import { describe, expect, it } from '@jest/globals';
import { MemoryBackend } from '../../src/backends/memory/memory.backend.js';
import { ManualClock } from '../../src/core/clock.js';
import { ThrottleConfigError } from '../../src/core/errors.js';
import type { Policy } from '../../src/core/policy.js';
import { definePolicy } from '../../src/strategies/define-policy.js';
import { defineStrategy, type Strategy } from '../../src/strategies/strategy.js';
import { anchoredWindow } from '../support/custom-strategy.js';

const START = Date.UTC(2026, 0, 1) + 250;
const { step, amend } = anchoredWindow;

/** As written in JavaScript, where no type keeps a wrong member out. */
const define = (strategy: unknown) => Reflect.apply(defineStrategy, undefined, [strategy]);

describe('defineStrategy', () => {
  it('returns a frozen strategy with the same members', () => {
    const validate = () => {};
    const size = () => ({ wide: 1, counts: 0 });
    const made = defineStrategy({ name: 'coin-flip', step, amend, size, validate, lua: 'return 1' });
    expect(made).toEqual({ name: 'coin-flip', step, amend, size, validate, lua: 'return 1' });
    expect(Object.isFrozen(made)).toBe(true);
  });

  it.each<readonly [what: string, strategy: unknown, message: string]>([
    ['null', null, 'defineStrategy: expected an object with name, step and amend, got null'],
    ['a function', step, 'defineStrategy: expected an object with name, step and amend, got the function step'],
    ...(
      [
        ['', '""'],
        ['CoinFlip', '"CoinFlip"'],
        ['7up', '"7up"'],
        ['coin flip', '"coin flip"'],
        [`x${'y'.repeat(32)}`, `"x${'y'.repeat(32)}"`],
        [undefined, 'undefined'],
      ] as const
    ).map(
      ([name, shown]) =>
        [
          `the name ${shown}`,
          { name, step, amend },
          `defineStrategy: name: expected lower-case letters, digits and "-", at most 32, such as "coin-flip", got ${shown}`,
        ] as const,
    ),
    ['no step', { name: 'x', amend }, 'defineStrategy: x.step: expected a function, got undefined'],
    ['no amend', { name: 'x', step }, 'defineStrategy: x.amend: expected a function, got undefined'],
    [
      'a size that is no function',
      { name: 'x', step, amend, size: 2 },
      'defineStrategy: x.size: expected a function, got 2 (number)',
    ],
    [
      'a validate that is no function',
      { name: 'x', step, amend, validate: true },
      'defineStrategy: x.validate: expected a function, got true',
    ],
    [
      'Lua that is no text',
      { name: 'x', step, amend, lua: 5 },
      'defineStrategy: x.lua: expected Lua source as a string, got 5 (number)',
    ],
  ])('rejects %s', (_what, strategy, message) => {
    expect(() => define(strategy)).toThrow(new ThrottleConfigError('SLUICE_INVALID_STRATEGY', message));
  });
});

describe('a custom strategy', () => {
  const policy = definePolicy('own', { rate: '2/s', strategy: anchoredWindow });
  const hit = (backend: MemoryBackend, cost = 1) => backend.spend([{ policy, subject: 'ada', cost }]);

  it('is named by the policy, which may have a burst and segments for it', () => {
    expect(policy).toMatchObject({
      strategy: 'anchored-window',
      id: 'own@app:x-anchored-window-1000',
      burst: 2,
      segments: 1,
    });
    expect(definePolicy('own', { rate: '2/s', strategy: anchoredWindow, burst: 9, segments: 4 })).toMatchObject({
      burst: 9,
      segments: 4,
    });
  });

  it('decides on a memory backend that has it', () => {
    const clock = new ManualClock(START);
    const backend = new MemoryBackend({ clock });
    backend.use([anchoredWindow]);
    const taken = hit(backend, 2);
    expect(taken.decisions[0]).toMatchObject({ allowed: true, remaining: 0, resetMs: 1000 });
    clock.advance(999);
    // A new second of the epoch has begun, so the built-in fixed window would allow the call.
    expect(hit(backend).decisions[0]).toMatchObject({ allowed: false, retryAfterMs: 1 });
    clock.advance(1);
    expect(hit(backend).decisions[0]).toMatchObject({ allowed: true, remaining: 1, resetMs: 1000 });
  });

  it('gets refunded units back', () => {
    const backend = new MemoryBackend({ clock: new ManualClock(START) });
    backend.use([anchoredWindow]);
    const { receipt } = hit(backend, 2);
    if (receipt === undefined) throw new Error('nothing was taken');
    backend.settle(receipt, [1]);
    expect(backend.peek([{ policy, subject: 'ada', cost: 1 }]).decisions[0]).toMatchObject({
      allowed: true,
      remaining: 0,
    });
  });

  it('is unknown to a backend that does not have it', () => {
    const backend = new MemoryBackend({ clock: new ManualClock(START) });
    expect(() => hit(backend)).toThrow(
      new ThrottleConfigError(
        'SLUICE_UNKNOWN_STRATEGY',
        'policy "own": the backend does not know the strategy "anchored-window". Give it to backend.use([...]), or to the module\'s `strategies`.',
      ),
    );
  });

  it('may be passed twice, but no other may have its name', () => {
    const backend = new MemoryBackend({ clock: new ManualClock(START) });
    backend.use([anchoredWindow]);
    backend.use([anchoredWindow]);
    for (const name of ['anchored-window', 'gcra']) {
      const other: Strategy = defineStrategy({ name, step, amend });
      expect(() => backend.use([other])).toThrow(
        new ThrottleConfigError(
          'SLUICE_DUPLICATE_STRATEGY',
          `MemoryBackend: a strategy named "${name}" already exists. Rename yours.`,
        ),
      );
    }
    expect(hit(backend).allowed).toBe(true);
  });

  it('validates the policies that name it', () => {
    const picky = defineStrategy({
      name: 'picky',
      step,
      amend,
      validate: ({ limit }, place) => {
        if (limit % 2 !== 0)
          throw new ThrottleConfigError('SLUICE_INVALID_RATE', `${place}: expected an even limit, got ${limit}`);
      },
    });
    expect(definePolicy('own', { rate: '4/s', strategy: picky }).limit).toBe(4);
    expect(() => definePolicy('own', { rate: '5/s', strategy: picky })).toThrow(
      new ThrottleConfigError('SLUICE_INVALID_RATE', 'policies.own: expected an even limit, got 5'),
    );
  });
});

describe('the size that a custom strategy declares', () => {
  /** Keeps its units behind the instant. */
  const counting = (size: unknown): Strategy =>
    define({
      name: 'counting',
      size: size === undefined ? undefined : () => size,
      step: (state: readonly number[], now: number, policy: Policy, cost: number) => {
        const left = state[1] ?? policy.limit;
        const allowed = cost <= left;
        const remaining = allowed ? left - cost : left;
        return {
          state: allowed && cost > 0 ? [now, remaining] : state,
          decision: {
            policy: policy.name,
            allowed,
            limit: policy.limit,
            remaining,
            resetMs: policy.periodMs,
            retryAfterMs: allowed ? 0 : policy.periodMs,
            delayMs: 0,
            windowMs: policy.periodMs,
          },
        };
      },
      amend: () => [],
    });

  it.each([
    [{ wide: 1 }, 'an object with wide'],
    [{ counts: 2 }, 'an object with counts'],
    [{ wide: 0, counts: 0 }, '0 (number)'],
    [{ wide: 0.5, counts: 1.5 }, 'an object with wide, counts'],
    [{ wide: '1', counts: '1' }, 'an object with wide, counts'],
    [{ wide: -1, counts: 3 }, 'an object with wide, counts'],
    [{ wide: 1, counts: Number.POSITIVE_INFINITY }, 'an object with wide, counts'],
    [{ wide: 1, counts: 2 ** 30 }, '1073741825 (number)'],
    [null, 'null'],
  ])('stops startup if it is %j, which would store nothing', (size, shown) => {
    expect(() => definePolicy('p', { rate: '3/min', strategy: counting(size) })).toThrow(
      new ThrottleConfigError(
        'SLUICE_INVALID_STRATEGY',
        `policies.p: strategy "counting", size: expected whole numbers { wide, counts }, together 1 to 10000, got ${shown}`,
      ),
    );
  });

  it('fails a call whose state has another size, which would be stored only partly', () => {
    const strategy = counting({ wide: 1, counts: 0 });
    const backend = new MemoryBackend({ clock: new ManualClock(START) });
    backend.use([strategy]);
    const policy = definePolicy('p', { rate: '3/min', strategy });
    expect(() => backend.spend([{ policy, subject: 'a', cost: 1 }])).toThrow(
      new TypeError('a strategy returned a state of 2 numbers, but its size says 1'),
    );
  });

  it.each([undefined, { wide: 2, counts: 0 }])('starts a new count if nothing is left, at a size of %j', (size) => {
    const strategy = counting(size);
    const backend = new MemoryBackend({ clock: new ManualClock(START) });
    backend.use([strategy]);
    const policy = definePolicy('p', { rate: '3/min', strategy });
    const { receipt } = backend.spend([{ policy, subject: 'a', cost: 3 }]);
    if (receipt !== undefined) backend.settle(receipt, [0]);
    expect(backend.spend([{ policy, subject: 'a', cost: 1 }]).binding).toMatchObject({ allowed: true, remaining: 2 });
  });
});
