import { describe, expect, it } from '@jest/globals';
import { CounterClock } from '../../../../src/backends/resilience/fallback/counter-clock.js';
import { LocalCounters } from '../../../../src/backends/resilience/fallback/local-counters.js';
import { PolicyShares } from '../../../../src/backends/resilience/fallback/policy-shares.js';
import { systemClock } from '../../../../src/core/clock.js';
import { receiptOf } from '../../../../src/core/receipt.js';
import { definePolicy, ManualClock, MemoryBackend } from '../../../../src/index.js';

/** The clock of a server that is an hour ahead of this process. */
function started() {
  const local = new ManualClock(1_000_000_000);
  const clock = new CounterClock(systemClock, local);
  const serverMs = () => local.now() + 3_600_000;
  /** A reply that was given `agoMs` ago is read. */
  const reply = (agoMs = 0) => clock.note(serverMs() - agoMs);
  return { local, clock, serverMs, reply };
}

describe('the clock of the counters that stand in for those of a backend', () => {
  it('is that of the process before the first reply, and then that of the server', () => {
    const { local, clock, serverMs, reply } = started();
    expect(clock.now()).toBe(local.now());
    reply();
    expect(clock.now()).toBe(serverMs());
    local.advance(500);
    // An estimate is too early by what is rounded down, and never too late.
    expect(clock.now()).toBe(serverMs() - 2);
  });

  it('is never before the instant of a reply', () => {
    const { local, clock, reply } = started();
    reply();
    local.advance(500);
    const before = clock.now();
    reply(400);
    expect(clock.now()).toBe(before);
    reply();
    expect(clock.now()).toBe(before + 2);
  });

  it('does not go back when all replies are late', () => {
    const { local, clock, reply } = started();
    reply();
    let before = clock.now();
    for (let i = 0; i < 100; i++) {
      local.advance(5);
      reply(10 * i);
      expect(clock.now()).toBeGreaterThanOrEqual(before);
      before = clock.now();
    }
  });

  it('does not stand still after replies that were read late, because the process stood still', () => {
    const { local, clock, serverMs, reply } = started();
    for (let i = 0; i < 10; i++) {
      local.advance(10);
      reply();
    }
    local.advance(3000);
    for (let i = 0; i < 5; i++) reply(3000 - i);
    expect(clock.now()).toBe(serverMs() - 2);
  });

  it('does not go back by one reply of an earlier slot, which is much older than those of others', () => {
    const { local, clock, serverMs, reply } = started();
    reply();
    local.advance(3000);
    for (const agoMs of [0, 2900, 0, 2900, 0]) reply(agoMs);
    expect(clock.now()).toBe(serverMs());
  });

  it("goes back with the server's", () => {
    const { local, clock, serverMs, reply } = started();
    for (let i = 0; i < 20; i++) {
      local.advance(10);
      reply();
    }
    for (let i = 0; i < 2; i++) {
      local.advance(10);
      reply(1500);
    }
    expect(clock.now()).toBe(serverMs() - 1500);
    local.advance(1000);
    expect(clock.now()).toBe(serverMs() - 1500 - 2);
  });
});

describe('counters of a process', () => {
  it('admit no limit twice after replies that were read late', () => {
    const local = new ManualClock(1_000_000_000);
    const memory = new MemoryBackend({ clock: new CounterClock(systemClock, local) });
    const { clock } = memory;
    if (!(clock instanceof CounterClock)) throw new Error('another clock');
    const charges = [
      { policy: definePolicy('api', { rate: '4/s', strategy: 'sliding-log' }), subject: 'ada', cost: 4 },
    ];
    clock.note(local.now());
    // The process is stalled. The first call after that is decided before the replies are read.
    local.advance(3000);
    expect(memory.spend(charges)).toMatchObject({ allowed: true });
    for (let i = 0; i < 5; i++) clock.note(local.now() - 2990 + i);
    expect(memory.spend(charges)).toMatchObject({ allowed: false });
    void memory.close();
  });
});

describe('a charge that is decided in the process right after a reply', () => {
  it.each(['fixed-window', 'sliding-window', 'sliding-log'] as const)('is given back: %s', (strategy) => {
    const charges = [{ policy: definePolicy('api', { rate: '4/1000h', strategy }), subject: 'ada', cost: 1 }];
    const counters = new LocalCounters(systemClock, new PolicyShares('local'));
    const at = systemClock.now() + 3_600_000;
    counters.admit(charges, { allowed: true, decisions: [], binding: null, receipt: receiptOf(at, charges) });
    const { receipt, binding } = counters.decide(charges, 'spend');
    expect(binding).toMatchObject({ remaining: 2 });
    if (receipt === undefined) throw new Error('nothing was taken');
    expect(receipt.at).toBeGreaterThanOrEqual(at);
    counters.settle(receipt, [0]);
    expect(counters.decide(charges, 'peek').binding).toMatchObject({ remaining: 2 });
  });
});
