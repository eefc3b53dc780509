import { describe, expect, it } from '@jest/globals';
import type { Charge } from '../../../../src/core/decision.js';
import type { Policy } from '../../../../src/core/policy.js';
import { bucketWindowMs } from '../../../../src/strategies/bucket.js';
import { calendarArguments } from '../../../../src/strategies/calendar/quota-windows.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { Fleet, on, type Process } from '../../../support/redis/fallback.js';
import { scaled } from '../../../support/scale.js';

/** Missed now and then, on purpose or by a busy machine: a call is then one more that Redis did not decide. */
const TIMEOUT_MS = 100;

const POLICIES: readonly Policy[] = [
  definePolicy('fixed', { rate: '7/2s', strategy: 'fixed-window' }),
  definePolicy('sliding', { rate: '6/2s', strategy: 'sliding-window', segments: 4 }),
  definePolicy('log', { rate: '5/3s', strategy: 'sliding-log' }),
  definePolicy('token', { rate: '4/s', strategy: 'token-bucket', burst: 9 }),
  definePolicy('gcra', { rate: '3/s', strategy: 'gcra', burst: 3 }),
  definePolicy('leaky', { rate: '2/s', strategy: 'leaky-bucket', burst: 4 }),
  definePolicy('quota', { rate: '200/hour', strategy: 'calendar' }),
];

interface Taken {
  readonly at: number;
  readonly cost: number;
}

/** Random numbers that a seed repeats. */
function randomOf(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Calls of one process, in concurrent rounds, while the server freezes, dies and recovers. */
class Traffic {
  readonly taken = new Map<Policy, Taken[]>(POLICIES.map((policy) => [policy, []]));
  readonly admittedBy = { redis: 0, local: 0 };
  calls = 0;

  constructor(
    private readonly fleet: Fleet,
    private readonly process: Process,
    private readonly random: (below: number) => number,
  ) {}

  async run(count: number): Promise<void> {
    for (const end = this.calls + count; this.calls < end; ) {
      this.fleet.clock.advance(this.random(120));
      const at = this.fleet.clock.now();
      await Promise.all(Array.from({ length: 1 + this.random(8) }, () => this.#call(at)));
    }
  }

  async #call(at: number): Promise<void> {
    this.calls += 1;
    const [first, second] = [POLICIES[this.random(POLICIES.length)], POLICIES[this.random(POLICIES.length)]];
    const policies = this.random(4) === 0 && first !== second ? [first, second] : [first];
    const charges = policies.flatMap((policy): readonly Charge[] => {
      if (policy === undefined) return [];
      const charge = on(policy, 1 + this.random(2), 'ada');
      return [policy.calendar === undefined ? charge : { ...charge, arguments: calendarArguments(policy, at) }];
    });
    const isRefunded = this.random(6) === 0;
    const { allowed, degraded, receipt } = await this.process.backend.spend(charges);
    if (!allowed) return;
    this.admittedBy[degraded === undefined ? 'redis' : 'local'] += 1;
    if (isRefunded && receipt !== undefined) {
      await this.process.backend.settle(
        receipt,
        charges.map(() => 0),
      );
      return;
    }
    for (const { policy, cost } of charges) this.taken.get(policy)?.push({ at, cost });
  }
}

/** Returns true if what was admitted from one charge to another keeps the promise of the policy's strategy. */
function isKept(
  { strategy, limit, periodMs, burst, segments }: Policy,
  units: number,
  first: number,
  last: number,
): boolean {
  const ms = last - first;
  const isOfOneWindow = Math.floor(first / periodMs) === Math.floor(last / periodMs);
  switch (strategy) {
    case 'fixed-window':
    case 'calendar':
      return !isOfOneWindow || units <= limit;
    case 'sliding-log':
      return ms >= periodMs || units <= limit;
    case 'sliding-window':
      return (ms > periodMs - periodMs / segments || units <= limit) && (ms > periodMs || units < 2 * limit);
    default:
      return units <= burst + (limit * ms) / periodMs;
  }
}

function faultsOf(policy: Policy, taken: readonly Taken[]): readonly string[] {
  const longestMs = Math.max(policy.periodMs, bucketWindowMs(policy)) * 2;
  const faults: string[] = [];
  for (const [i, first] of taken.entries()) {
    let units = 0;
    for (let j = i; j < taken.length; j++) {
      const last = taken[j];
      if (last === undefined || last.at - first.at > longestMs) break;
      units += last.cost;
      if (!isKept(policy, units, first.at, last.at))
        faults.push(`${policy.name}: ${units} in ${last.at - first.at} ms`);
    }
  }
  return faults;
}

describe('one process whose Redis freezes, dies and recovers at random', () => {
  it('admits at most what the strategy of each policy promises, in every interval', async () => {
    await using fleet = await Fleet.start();
    const process = await fleet.process('local', TIMEOUT_MS);
    const random = randomOf(7);
    const traffic = new Traffic(fleet, process, random);
    const count = scaled(500, 10_000);
    while (traffic.calls < count) {
      await traffic.run(150 + random(100));
      const isKilled = random(3) === 0;
      if (isKilled) await fleet.server.kill();
      else fleet.server.freeze();
      // Too few failures for the circuit breaker now and then.
      await traffic.run(random(3) === 0 ? 1 : 60 + random(150));
      if (isKilled) await fleet.server.start();
      else fleet.server.thaw();
      await traffic.run(random(80));
      if (process.backend.retryAfterMs > 0) await fleet.recover(process);
    }
    for (const [policy, taken] of traffic.taken) expect(faultsOf(policy, taken)).toEqual([]);
    // Both have decided, and every policy was at its limit many times.
    expect(traffic.admittedBy.redis).toBeGreaterThan(count / 20);
    expect(traffic.admittedBy.local).toBeGreaterThan(count / 50);
  });
});
