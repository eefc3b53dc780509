import { describe, expect, it } from '@jest/globals';
import { type Backend, MemoryBackend, subjectOf } from '../../src/index.js';
import { startContext } from '../support/service-app.js';

const policies = { upload: '10/min' };
const ada = { subject: subjectOf.user('ada') };

/** A backend that records its calls. */
function recorded(asked: string[]): Backend {
  const memory = new MemoryBackend();
  return {
    spend: (charges) => {
      asked.push('spend');
      return memory.spend(charges);
    },
    peek: (charges) => {
      asked.push('peek');
      return memory.peek(charges);
    },
    settle: () => {
      asked.push('settle');
    },
    reset: () => {
      asked.push('reset');
    },
  };
}

/** Values that untyped code may pass. */
const untyped = (value: unknown) => value as never;

describe('a cost', () => {
  it.each<readonly [unknown, string]>([
    [Number.NaN, 'NaN'],
    [-1, '-1'],
    [1.5, '1.5'],
    ['5', '"5" (string)'],
    [2 ** 53, '9007199254740992'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [null, 'null'],
    [true, 'true'],
    [5n, '5'],
  ])('of %p is a RangeError before the backend or a function is called', async (cost, found) => {
    const asked: string[] = [];
    const by = () => {
      asked.push('by');
      return 'all';
    };
    const own = { upload: { rate: '10/min', by } };
    await using context = await startContext({ backend: recorded(asked), policies: own });
    for (const method of ['hit', 'consume', 'check'] as const) {
      const text = `${method}(): expected a cost that is a safe integer of at least 0, got ${found}`;
      await expect(context.throttle[method]('upload', untyped(cost))).rejects.toThrow(new RangeError(text));
      await expect(context.throttle[method]('upload', untyped(cost), ada)).rejects.toThrow(new RangeError(text));
      await expect(context.throttle[method]('unknown', untyped(cost), ada)).rejects.toThrow(new RangeError(text));
    }
    expect(asked).toEqual([]);
  });

  it.each([Number.NaN, -1, 1.5, 2 ** 53])('of %p without a policy is a RangeError, too', async (cost) => {
    await using context = await startContext({ policies });
    const text = `hit(): expected a cost that is a safe integer of at least 0, got ${cost}`;
    await expect(context.throttle.hit(cost)).rejects.toThrow(new RangeError(text));
    await expect(context.throttle.hit(cost, ada)).rejects.toThrow(new RangeError(text));
  });

  it('of 0 is allowed without a backend call', async () => {
    const asked: string[] = [];
    await using context = await startContext({ backend: recorded(asked), policies });
    const nothing = { allowed: true, decisions: [], binding: null };
    expect(await context.throttle.hit('upload', 0, ada)).toEqual(nothing);
    expect(await context.throttle.consume('upload', 0, ada)).toEqual(nothing);
    expect(await context.throttle.check('upload', 0, ada)).toBe(true);
    expect(asked).toEqual([]);
    await context.throttle.hit('upload', 1, ada);
    expect(asked).toEqual(['spend']);
  });
});
