import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { scaled } from '../../support/scale.js';
import { add, type Delivery, Process, Server, World } from './simulated-fleet.js';

const START = Date.UTC(2026, 0, 1) + 123_456;
const PERIOD_MS = 20_000;

/** Fractions of milliseconds occur, because clocks round down; 0 is frequent. */
const latencyMs = (max: number) => fc.oneof(fc.constant(0), fc.constant(0.9), fc.double({ min: 0, max, noNaN: true }));

const delivery: fc.Arbitrary<Delivery> = fc.record(
  {
    thereMs: latencyMs(250),
    backMs: latencyMs(250),
    isLost: fc.constantFrom('there' as const, 'back' as const),
  },
  { requiredKeys: ['thereMs', 'backMs'] },
);
/** Never lost and never late. */
const fastDelivery: fc.Arbitrary<Delivery> = fc.record({
  thereMs: latencyMs(20),
  backMs: latencyMs(20),
});

/** An event of one process: a call, which may be refunded, or a crash and restart. */
const event = fc.record({
  afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 600 })),
  /** Delays the event until this long after the end of the window (before it if negative). */
  edgeMs: fc.option(fc.double({ min: -25, max: 5, noNaN: true })),
  process: fc.nat(),
  what: fc.oneof(
    { weight: 10, arbitrary: fc.record({ cost: fc.integer({ min: 1, max: 4 }), isRefunded: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant('crash' as const) },
  ),
});

const scenario = (deliveries: fc.Arbitrary<Delivery>) =>
  fc.record({
    limit: fc.integer({ min: 4, max: 30 }),
    batch: fc.integer({ min: 1, max: 4 }),
    processes: fc.array(
      fc.record({
        offsetMs: fc.integer({ min: -2 * START, max: 7_200_000 }),
        rate: fc.double({ min: 0.999, max: 1.001, noNaN: true }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    deliveries: fc.array(deliveries, { minLength: 1, maxLength: 30 }),
    events: fc.array(event, { minLength: 1, maxLength: 120 }),
  });

type Scenario = typeof scenario extends (deliveries: never) => fc.Arbitrary<infer T> ? T : never;

/** Simulates a scenario. Returns the units spent less refunds, and the units held, by windows of the server's true time. */
async function play({ limit, batch, processes, deliveries, events }: Scenario) {
  const policy = definePolicy('p', {
    rate: `${limit}/${PERIOD_MS}ms`,
    strategy: 'fixed-window',
    lease: { batch: Math.min(batch, limit) },
  });
  const target = { policy, subject: 'ada' };
  const world = new World(START);
  const server = new Server(world, policy);
  let next = 0;
  const options = {
    timeoutMs: 200,
    delivery: () => deliveries[next++ % deliveries.length] ?? { thereMs: 0, backMs: 0 },
  };
  const fleet = processes.map((one) => new Process(world, server, { ...one, ...options }));
  const spent = new Map<number, number>();
  const windowNow = () => Math.floor(world.now / PERIOD_MS);
  let [leastHeld, outcomes] = [0, 0];

  const call = (process: Process, cost: number, isRefunded: boolean, tries = 0): void => {
    const { leases } = process;
    const charge = { ...target, cost };
    const now = process.now();
    const lease = leases.take(charge, now);
    leastHeld = Math.min(leastHeld, leases.find(target)?.held ?? 0);
    if (lease === undefined) {
      if (leases.isDenied(charge, now)) {
        outcomes += 1;
        return;
      }
      leases.request(charge, {
        granted: () => {
          if (tries === 20) outcomes += 1;
          else call(process, cost, isRefunded, tries + 1);
        },
        fail: () => {
          outcomes += 1;
        },
      });
      return;
    }
    outcomes += 1;
    const window = windowNow();
    const { at } = lease;
    add(spent, window, cost);
    if (!isRefunded) return;
    world.at(world.now + 30, () => {
      if (process.leases === leases && leases.putBack(target, at, cost)) add(spent, window, -cost);
    });
  };

  let [at, calls] = [START, 0];
  for (const { afterMs, edgeMs, process, what } of events) {
    at += afterMs;
    if (edgeMs !== null) at = Math.max(at, Math.ceil(at / PERIOD_MS) * PERIOD_MS + edgeMs);
    const chosen = fleet[process % fleet.length];
    if (chosen === undefined) continue;
    world.at(at, () => (what === 'crash' ? chosen.crash() : call(chosen, what.cost, what.isRefunded)));
    if (what !== 'crash') calls += 1;
  }
  // Uses up each window soon after its start, so that any further unit spent in it exceeds the limit.
  for (let window = Math.ceil(START / PERIOD_MS); window * PERIOD_MS <= at; window++) {
    for (let i = 0; i < limit + batch; i++) {
      const chosen = fleet[i % fleet.length];
      if (chosen !== undefined) world.at(window * PERIOD_MS + 10, () => call(chosen, 1, false));
      calls += 1;
    }
  }
  await world.run();
  const held = new Map<number, number>();
  for (const { leases } of fleet) {
    const lease = leases.find(target);
    if (lease !== undefined) add(held, Math.floor(lease.startMs / PERIOD_MS), lease.held);
  }
  return { limit, spent, server, held, leastHeld, calls, outcomes };
}

describe('LeaseManager', () => {
  it('spends at most the limit in any window of the server, whatever happens to processes, requests and replies', async () => {
    await fc.assert(
      fc.asyncProperty(scenario(delivery), async (drawn) => {
        const { limit, spent, server, leastHeld, calls, outcomes } = await play(drawn);
        for (const units of spent.values()) expect(units).toBeLessThanOrEqual(limit);
        // The units granted and not returned cover the units spent. The rest is lost.
        for (const [window, units] of spent) {
          const stranded = (server.granted.get(window) ?? 0) - (server.returned.get(window) ?? 0) - units;
          expect(stranded).toBeGreaterThanOrEqual(0);
        }
        expect(leastHeld).toBe(0);
        expect(outcomes).toBe(calls);
      }),
      { numRuns: scaled(150, 400) },
    );
  });

  it('loses no unit if no message is lost: every unit granted is spent, returned or held', async () => {
    await fc.assert(
      fc.asyncProperty(scenario(fastDelivery), async (drawn) => {
        const events = drawn.events.filter(({ what }) => what !== 'crash');
        const { spent, server, held } = await play({ ...drawn, events });
        const last = Math.max(...server.granted.keys());
        const units = (server.returned.get(last) ?? 0) + (spent.get(last) ?? 0) + (held.get(last) ?? 0);
        if (server.granted.size > 0) expect(units).toBe(server.granted.get(last));
      }),
      { numRuns: scaled(75, 200) },
    );
  });
});
