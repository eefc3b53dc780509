import { describe, expect, it } from '@jest/globals';
import { MemoryBackend } from '../../src/backends/memory/memory.backend.js';
import { ManualClock } from '../../src/core/clock.js';
import type { Charge } from '../../src/core/decision.js';
import { ThrottleConfigError } from '../../src/core/errors.js';
import { definePolicy } from '../../src/strategies/define-policy.js';
import { defineStrategy, type Strategy } from '../../src/strategies/strategy.js';
import { anchoredWindow } from '../support/custom-strategy.js';
import { givenWindow } from '../support/given-window.js';

const START = Date.UTC(2026, 0, 1) + 250;

const policy = definePolicy('p', { rate: '10/h', strategy: givenWindow });
const first = [START, START + 700];
const second = [START + 700, START + 1900];
const ask = (cost: number, args: readonly number[], more: Partial<Charge> = {}): Charge[] => [
  { policy, subject: 'ada', cost, arguments: args, ...more },
];

function open() {
  const clock = new ManualClock(START);
  const backend = new MemoryBackend({ clock });
  backend.use([givenWindow]);
  return { backend, clock };
}

describe('the arguments of a charge', () => {
  it('are passed to its strategy for every decision', () => {
    const { backend, clock } = open();
    expect(backend.spend(ask(4, first)).binding).toMatchObject({ remaining: 6, resetMs: 700, windowMs: 700 });
    expect(backend.spend(ask(3, first)).binding).toMatchObject({ remaining: 3, resetMs: 700 });
    expect(backend.peek(ask(4, first)).binding).toMatchObject({ allowed: false, retryAfterMs: 700 });
    clock.advance(700);
    expect(backend.spend(ask(4, second)).binding).toMatchObject({ remaining: 6, resetMs: 1200, windowMs: 1200 });
    expect(backend.spend(ask(12, second, { mode: 'record' })).binding).toMatchObject({ remaining: 0, allowed: true });
    expect(backend.spend(ask(1, second, { mode: 'monitor' })).decisions).toMatchObject([
      { allowed: false, mode: 'monitor', retryAfterMs: 1200 },
    ]);
  });

  it('are passed to it unchanged when a receipt is settled', () => {
    const { backend, clock } = open();
    const { receipt } = backend.spend(ask(4, first));
    const { receipt: other } = backend.spend(ask(2, first));
    if (receipt === undefined || other === undefined) throw new Error('nothing was taken');
    backend.settle(receipt, [13]);
    expect(backend.peek(ask(0, first)).binding?.remaining).toBe(0);
    clock.advance(700);
    backend.spend(ask(4, second));
    backend.settle(other, [9]);
    expect(backend.peek(ask(0, second)).binding?.remaining).toBe(6);
  });

  it('may differ within a call', () => {
    const { backend } = open();
    const { decisions } = backend.spend([...ask(4, first), ...ask(5, second)]);
    expect(decisions.map(({ remaining, windowMs }) => [remaining, windowMs])).toEqual([
      [6, 700],
      [5, 1200],
    ]);
  });

  it.each([[undefined], [[]], [[1]], [[1, 2, 3]]])('are an error if they are too few or too many: %j', (args) => {
    const { backend } = open();
    backend.spend(ask(1, first));
    const charges = [{ policy, subject: 'ada', cost: 1, ...(args && { arguments: args }) }];
    const message = `a charge of "p": the strategy "given-window" needs 2 \`arguments\`, got ${args?.length ?? 0}`;
    for (const method of ['spend', 'peek'] as const) {
      expect(() => backend[method](charges)).toThrow(new ThrottleConfigError('SLUICE_INVALID_CHARGE', message));
      // A second charge keeps the call off the shortest way.
      expect(() => backend[method]([...charges, ...ask(1, first)])).toThrow(
        new ThrottleConfigError('SLUICE_INVALID_CHARGE', message),
      );
    }
    expect(backend.peek(ask(0, first)).binding?.remaining).toBe(9);
  });

  it('are an error if one is not a whole number', () => {
    const { backend } = open();
    backend.spend(ask(1, first));
    for (const wrong of [-1, 0.5, Number.NaN]) {
      const message = `a charge of "p": arguments[1]: expected whole numbers from 0 to 2^53 - 1, got ${wrong} (number)`;
      expect(() => backend.spend(ask(1, [START, wrong]))).toThrow(new RangeError(message));
      expect(() => backend.spend([...ask(1, [START, wrong]), ...ask(1, first)])).toThrow(new RangeError(message));
    }
    expect(backend.peek(ask(0, first)).binding?.remaining).toBe(9);
  });

  it.each([-1, 0.5, 101, '2', null])('are as many as a strategy declares: not %j', (argumentCount) => {
    const define = () => Reflect.apply(defineStrategy, undefined, [{ ...anchoredWindow, argumentCount }]);
    expect(define).toThrow('defineStrategy: anchored-window.argumentCount: expected a whole number from 0 to 100, got');
  });
});

describe('a custom strategy that does not record', () => {
  it.each<readonly [what: string, amend: Strategy['amend']]>([
    ['returns the state', (state) => state],
    ['returns the empty state', () => []],
  ])('fails a recorded charge if its amend %s, since it would not count', (_what, amend) => {
    const strategy = defineStrategy({ ...anchoredWindow, name: 'forgetful', amend });
    const backend = new MemoryBackend({ clock: new ManualClock(START) });
    backend.use([strategy]);
    const own = definePolicy('own', { rate: '10/min', strategy });
    const record = (cost: number) => backend.spend([{ policy: own, subject: 'ada', cost, mode: 'record' }]);
    expect(() => record(1)).toThrow(ThrottleConfigError);
    expect(() => record(1)).toThrow('policy "own": the strategy "forgetful" does not record a charge: its amend');
    expect(record(0).allowed).toBe(true);
  });
});
