import { describe, expect, it } from '@jest/globals';
import {
  type Backend,
  defineConcurrency,
  definePolicy,
  type HoldStore,
  MemoryBackend,
  type Outcome,
} from '../../../src/index.js';
import { BoundedBackend } from '../../../src/module/bounded/bounded.backend.js';
import { FunctionDeadlines } from '../../../src/transports/functions/function-deadlines.js';
import { until } from '../../support/wait-until.js';

const two = defineConcurrency('export', 2);
const api = definePolicy('api', { rate: '5/2000 weeks', strategy: 'fixed-window' });
const permit = { policy: two, subject: 'ada', id: 1, units: 1, ttlMs: 3_600_000 };
const charge = { policy: api, subject: 'ada', cost: 1 };

/** A backend whose holds do not answer before they are told to. */
function open() {
  const memory = new MemoryBackend();
  let answer = () => {};
  const slow = async <T>(run: () => T): Promise<T> => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return run();
  };
  const holds: HoldStore = {
    take: (...args) => slow(() => memory.holds.take(...args)),
    peek: (...args) => slow(() => memory.holds.peek(...args)),
    extend: (...args) => slow(() => memory.holds.extend(...args)),
    grow: (...args) => slow(() => memory.holds.grow(...args)),
    end: (...args) => memory.holds.end(...args),
  };
  const inner: Backend = {
    holds,
    remote: true,
    spend: (charges) => memory.spend(charges),
    peek: (charges) => memory.peek(charges),
    settle: (receipt, costs) => memory.settle(receipt, costs),
    reset: (targets) => memory.reset(targets),
  };
  const bounded = new BoundedBackend(inner, new FunctionDeadlines(20));
  if (bounded.holds === undefined) throw new Error('the layer has no holds');
  return { memory, holds: bounded.holds, answer: () => answer() };
}

describe('holds of a backend without deadlines', () => {
  it('fail if they do not respond in time, and what they take later is returned', async () => {
    const { memory, holds, answer } = open();
    await expect(holds.take([permit], [charge])).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'Object.holds.take(): no answer within 20 ms',
    });
    answer();
    const left = (): Outcome => memory.holds.peek([{ ...permit, units: 0 }], [{ ...charge, cost: 0 }]);
    await until(
      () =>
        left()
          .decisions.map(({ remaining }) => remaining)
          .join() === '2,5',
    );
    await expect(holds.extend([permit], 1000)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(holds.grow(permit, 2)).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(holds.peek([permit], [])).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  it('return results that are in time', async () => {
    const { memory, holds, answer } = open();
    const taken = holds.take([permit], [charge]);
    answer();
    expect(await taken).toMatchObject({ allowed: true });
    await new Promise((resolve) => setImmediate(resolve));
    expect(memory.holds.extend([permit], 1000)).toEqual([true]);
    expect(await holds.end([permit])).toEqual([true]);
  });
});
