import { describe, expect, it } from '@jest/globals';
import { BoundedMap } from '../../src/core/bounded-map.js';

describe('BoundedMap', () => {
  it('removes the oldest entry', () => {
    const map = new BoundedMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    map.set('c', 4);
    expect([...map]).toEqual([
      ['a', 3],
      ['c', 4],
    ]);
    expect([map.size, map.has('b'), map.get('b'), map.get('a')]).toEqual([2, false, undefined, 3]);
  });

  it('has room again for an entry that was deleted', () => {
    const map = new BoundedMap<string, number>(1);
    map.set('a', 1);
    map.delete('a');
    expect(map.size).toBe(0);
    map.set('b', 2);
    expect([...map]).toEqual([['b', 2]]);
  });
});
