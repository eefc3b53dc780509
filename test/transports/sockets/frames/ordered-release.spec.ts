import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { orderedRelease } from '../../../../src/transports/sockets/ordered-release.js';

/** An item of the queue: its verdict, and the round in which that comes; at once if there is none. */
interface Thing {
  readonly goesOn: boolean;
  readonly round: number | null;
}

const thing: fc.Arbitrary<Thing> = fc.record({
  goesOn: fc.boolean(),
  round: fc.option(fc.integer({ min: 0, max: 4 })),
});

/** A line that things are put in, and the verdicts that are still to come. */
function lined() {
  const line = orderedRelease();
  const gone: number[] = [];
  const waiting: { readonly round: number; readonly say: () => void }[] = [];
  return {
    gone,
    put({ goesOn, round }: Thing, name: number): void {
      const go = () => void gone.push(name);
      const later = () =>
        new Promise<boolean>((resolve) => waiting.push({ round: round ?? 0, say: () => resolve(goesOn) }));
      line(round === null ? goesOn : later(), go);
    },
    async say(round: number): Promise<void> {
      for (const one of waiting) if (one.round === round) one.say();
      await setImmediate();
    },
  };
}

const namesOf = (things: readonly Thing[]) => things.flatMap(({ goesOn }, name) => (goesOn ? [name] : []));

describe('items in order', () => {
  it('are released at once if none waits and the verdict is known', () => {
    const { put, gone } = lined();
    const things = [true, false, true, true].map((goesOn) => ({ goesOn, round: null }));
    for (const [name, one] of things.entries()) {
      put(one, name);
      expect(gone).toEqual(namesOf(things.slice(0, name + 1)));
    }
  });

  it('wait for a pending verdict, and for earlier items', async () => {
    const { put, gone, say } = lined();
    put({ goesOn: true, round: 2 }, 0);
    put({ goesOn: true, round: null }, 1);
    put({ goesOn: true, round: 1 }, 2);
    put({ goesOn: false, round: 2 }, 3);
    put({ goesOn: true, round: 3 }, 4);
    await say(1);
    expect(gone).toEqual([]);
    await say(2);
    expect(gone).toEqual([0, 1, 2]);
    await say(3);
    expect(gone).toEqual([0, 1, 2, 4]);
  });

  it('are released in order, each as soon as all earlier ones are decided, with verdicts in any order', async () => {
    const steps = fc.array(fc.oneof({ weight: 3, arbitrary: thing }, fc.integer({ min: 0, max: 4 })), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const { put, gone, say } = lined();
        const things: Thing[] = [];
        let decided = new Set<number>();
        const expected = () => {
          const held = things.findIndex(({ round }, name) => round !== null && !decided.has(name));
          return namesOf(held < 0 ? things : things.slice(0, held));
        };
        for (const step of [...all, 0, 1, 2, 3, 4]) {
          if (typeof step === 'number') {
            await say(step);
            const now = things.flatMap(({ round }, name) => (round === step ? [name] : []));
            decided = new Set([...decided, ...now]);
          } else {
            const isFree = things.every(({ round }, name) => round === null || decided.has(name));
            put(step, things.length);
            things.push(step);
            // At once, before anything else can happen.
            if (isFree && step.round === null) expect(gone).toEqual(expected());
            await setImmediate();
          }
          expect(gone).toEqual(expected());
        }
        expect(gone).toEqual(namesOf(things));
      }),
      { numRuns: 300 },
    );
  });

  it('are released at once again when none waits any more', async () => {
    const { put, gone, say } = lined();
    put({ goesOn: false, round: 1 }, 0);
    put({ goesOn: true, round: null }, 1);
    expect(gone).toEqual([]);
    await say(1);
    put({ goesOn: true, round: null }, 2);
    expect(gone).toEqual([1, 2]);
  });

  it('may wait for any thenable', async () => {
    const gone: number[] = [];
    const line = orderedRelease();
    const later: PromiseLike<boolean> = Object.assign(Object.create(null), {
      // biome-ignore lint/suspicious/noThenProperty: a promise of another kind
      then: (resolve: (goesOn: boolean) => void) => void queueMicrotask(() => resolve(false)),
    });
    line(later as Promise<boolean>, () => void gone.push(0)); // of another kind, as libraries have them
    line(true, () => void gone.push(1));
    expect(gone).toEqual([]);
    await setImmediate();
    expect(gone).toEqual([1]);
  });

  it('that are added by a released one wait behind those already waiting', async () => {
    const gone: string[] = [];
    const line = orderedRelease();
    line(Promise.resolve(true), () => {
      gone.push('first');
      line(true, () => void gone.push('put in by the first'));
    });
    line(true, () => void gone.push('second'));
    await setImmediate();
    expect(gone).toEqual(['first', 'second', 'put in by the first']);
    line(true, () => {
      gone.push('third');
      line(true, () => void gone.push('put in by the third'));
    });
    expect(gone.slice(3)).toEqual(['third', 'put in by the third']);
  });

  it('are independent of items in another queue', () => {
    const gone: number[] = [];
    orderedRelease()(new Promise(() => {}), () => {});
    orderedRelease()(true, () => void gone.push(1));
    expect(gone).toEqual([1]);
  });

  it('that are released at once throw to the caller, and do not stop later ones', () => {
    const gone: number[] = [];
    const line = orderedRelease();
    const fail = () => {
      throw new Error('broken');
    };
    expect(() => line(true, fail)).toThrow(new Error('broken'));
    line(true, () => void gone.push(1));
    expect(gone).toEqual([1]);
  });

  it('that throw later throw outside the queue, and do not stop later ones', async () => {
    const gone: number[] = [];
    const thrown: (() => void)[] = [];
    const line = orderedRelease();
    const schedule = globalThis.setImmediate;
    // Exceptions there end the process, including this one, so they are caught.
    globalThis.setImmediate = Object.assign(
      (callback: () => void) => schedule(() => void thrown.push(callback)),
      schedule,
    );
    try {
      line(Promise.resolve(true), () => {
        throw new Error('broken');
      });
      line(true, () => void gone.push(1));
      await setImmediate();
      await setImmediate();
    } finally {
      globalThis.setImmediate = schedule;
    }
    expect(gone).toEqual([1]);
    expect(thrown).toHaveLength(1);
    expect(thrown[0]).toThrow(new Error('broken'));
  });
});
