import { describe, expect, it } from '@jest/globals';
import { ada, HOUR, Leased, policy } from '../support/leasing-fixture.js';

describe('units of a leased policy', () => {
  const world = new Leased();

  it('are returned by close if they are unspent, and spent by another process', async () => {
    const [one, other] = [world.open(), world.open()];
    await one.spend(ada(30));
    await one.spend([{ policy, subject: 'eve', cost: 1 }]);
    expect([await world.used(), await world.used('eve')]).toEqual([100, 100]);
    await one.close();
    expect([await world.used(), await world.used('eve')]).toEqual([30, 1]);
    expect(await world.drain(other)).toBe(970);
    // Redis decides each call to a closed backend.
    expect((await one.spend([{ policy, subject: 'eve', cost: 1 }])).binding?.remaining).toBe(998);
    expect(await world.used('eve')).toBe(2);
  });

  it('are put back into the lease by a settlement, unless their window is over', async () => {
    const backend = world.open();
    const { receipt } = await backend.spend(ada(100));
    if (receipt === undefined) throw new Error('Expected a receipt');
    await world.redis.resetCounts();
    await backend.settle(receipt, [20]);
    expect((await backend.spend(ada(80))).binding?.remaining).toBe(900);
    expect(await world.redis.calls('evalsha')).toBe(0);
    world.clock.advance(HOUR);
    await backend.spend(ada(100));
    await backend.settle(receipt, [0]);
    expect((await backend.spend(ada(1))).binding?.remaining).toBe(899);
  });

  it('are settled in Redis by a process without a lease', async () => {
    const { receipt } = await world.open().spend(ada(100));
    if (receipt === undefined) throw new Error('Expected a receipt');
    await world.open().settle(receipt, [25]);
    expect(await world.used()).toBe(25);
  });

  it('are all available again after a reset', async () => {
    const backend = world.open();
    expect(await world.drain(backend)).toBe(1000);
    await backend.reset(ada());
    expect(await world.used()).toBe(0);
    expect(await world.drain(backend)).toBe(1000);
  });
});
