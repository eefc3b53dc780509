import { describe, expect, it } from '@jest/globals';
import { RedisKeys, slotOf } from '../../../src/backends/redis/redis-keys.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';

const [p, q] = ['p', 'q'].map((name) => definePolicy(name, '5/min'));
if (p === undefined || q === undefined) throw new Error('there is no policy');
const targets = [
  { policy: p, subject: 'ada' },
  { policy: p, subject: 'bob' },
  { policy: q, subject: 'ada' },
];

describe('the keys of budgets', () => {
  it('begin with the prefix, and have the subject as their hash tag', () => {
    const keys = new RedisKeys('sluice', true);
    expect(targets.map((target) => keys.keyOf(target))).toEqual([
      `sluice:{ada}:${p.id}`,
      `sluice:{bob}:${p.id}`,
      `sluice:{ada}:${q.id}`,
    ]);
  });

  it.each([
    ['no charge', []],
    ['one charge', [1]],
    ['charges of one subject', [0, 2]],
    ['charges of several subjects', [0, 1, 1, 2, 0]],
    ['charges that end on another subject', [2, 0, 1]],
  ])('are those of each charge for a call of %s', (_, chosen) => {
    const keys = new RedisKeys('sluice', true);
    const charges = chosen.flatMap((i) => targets[i] ?? []);
    expect(keys.keysOf(charges)).toEqual(charges.map((charge) => keys.keyOf(charge)));
  });

  it('are grouped by slot, in order of first appearance', () => {
    const keys = new RedisKeys('sluice', true);
    const [ada, bob] = [slotOf('{ada}'), slotOf('{bob}')];
    expect(keys.groupBySlot(targets)).toEqual([
      {
        slot: ada,
        targets: [targets[0], targets[2]],
        keys: [`sluice:{ada}:${p.id}`, `sluice:{ada}:${q.id}`],
        indexes: [0, 2],
      },
      { slot: bob, targets: [targets[1]], keys: [`sluice:{bob}:${p.id}`], indexes: [1] },
    ]);
  });

  it('are one group if there are no slots', () => {
    const keys = new RedisKeys('sluice', false);
    expect(keys.groupBySlot(targets)).toMatchObject([{ targets, indexes: [0, 1, 2] }]);
    expect(keys.groupBySlot([])).toEqual([]);
  });
});

describe('the slot of a key', () => {
  it.each([
    // Redis Cluster specification: "Key distribution model" and "Hash tags".
    ['123456789', 0x31c3],
    ['foo', 12_182],
    ['{foo}bar', 12_182],
    ['a{foo}{bar}', 12_182],
  ])('of %s is %i', (key, slot) => {
    expect(slotOf(key)).toBe(slot % 16_384);
  });

  it('is that of the whole key without a hash tag', () => {
    expect(slotOf('foo{}bar')).not.toBe(slotOf('bar'));
    expect(slotOf('foo{}bar')).not.toBe(slotOf(''));
  });
});
