import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Linked, LinkedList } from '../../../src/backends/resilience/linked-list.js';

class One implements Linked<One> {
  previous: One | undefined = undefined;
  next: One | undefined = undefined;

  constructor(readonly name: number) {}
}

describe('a linked list', () => {
  it('has the order of a set after any additions and removals', () => {
    const changes = fc.array(fc.record({ name: fc.nat(5), isAdded: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(changes, (all) => {
        const ones = Array.from({ length: 6 }, (_, name) => new One(name));
        const list = new LinkedList<One>();
        const known = new Set<One>();
        for (const { name, isAdded } of all) {
          const one = ones[name] as One;
          if (!isAdded) expect(list.remove(one)).toBe(known.delete(one));
          else if (!known.has(one)) {
            list.add(one);
            known.add(one);
          }
          expect([...list].map((each) => each.name)).toEqual([...known].map((each) => each.name));
          expect(list.isEmpty).toBe(known.size === 0);
        }
      }),
    );
  });

  it('keeps no reference to what was removed', () => {
    const list = new LinkedList<One>();
    const [a, b, c] = [new One(1), new One(2), new One(3)];
    for (const one of [a, b, c]) list.add(one);
    list.remove(b);
    expect([b.previous, b.next]).toEqual([undefined, undefined]);
    expect([a.next, c.previous]).toEqual([c, a]);
  });
});
