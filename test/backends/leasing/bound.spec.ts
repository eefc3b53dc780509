import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { definePolicy } from '../../../src/index.js';
import { scaled } from '../../support/scale.js';
import { add, type Fate, Process, Server, World } from './simulated-fleet.js';

const START = Date.UTC(2026, 0, 1) + 123_456;
const PERIOD_MS = 20_000;

/** Not of whole milliseconds: clocks round them down. Often none at all. */
const latency = (max: number) => fc.oneof(fc.constant(0), fc.constant(0.9), fc.double({ min: 0, max, noNaN: true }));

const fate: fc.Arbitrary<Fate> = fc.record(
  {
    thereMs: latency(250),
    backMs: latency(250),
    isLost: fc.constantFrom('there' as const, 'back' as const),
  },
  { requiredKeys: ['thereMs', 'backMs'] },
);
/** One that is never lost, nor late. */
const swift: fc.Arbitrary<Fate> = fc.record({
  thereMs: latency(20),
  backMs: latency(20),
});

/** What happens to one of the processes: a call of that cost, which may be taken back, or its end and a new begin. */
const happening = fc.record({
  afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 600 })),
  /** Put off until the window's end is as near as that. */
  edgeMs: fc.option(fc.double({ min: -25, max: 5, noNaN: true })),
  process: fc.nat(),
  what: fc.oneof(
    { weight: 10, arbitrary: fc.record({ cost: fc.integer({ min: 1, max: 4 }), isRefunded: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant('crash' as const) },
  ),
});

const scene = (fates: fc.Arbitrary<Fate>) =>
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
    fates: fc.array(fates, { minLength: 1, maxLength: 30 }),
    happenings: fc.array(happening, { minLength: 1, maxLength: 120 }),
  });

type Scene = typeof scene extends (fates: never) => fc.Arbitrary<infer T> ? T : never;

/** Plays a scene: what was spent in each window of the server's true time, refunds taken off, and what was left behind. */
async function play({ limit, batch, processes, fates, happenings }: Scene) {
  const policy = definePolicy('p', {
    rate: `${limit}/${PERIOD_MS}ms`,
    strategy: 'fixed-window',
    lease: { batch: Math.min(batch, limit) },
  });
  const world = new World(START);
  const server = new Server(world, policy);
  let next = 0;
  const options = { timeoutMs: 200, fate: () => fates[next++ % fates.length] ?? { thereMs: 0, backMs: 0 } };
  const fleet = processes.map((one) => new Process(world, server, { ...one, ...options }));
  const spent = new Map<number, number>();
  const windowNow = () => Math.floor(world.now / PERIOD_MS);
  let [leastHeld, answers] = [0, 0];

  const call = (process: Process, cost: number, isRefunded: boolean, tries = 0): void => {
    const { leases } = process;
    const lease = leases.take(policy, 'ada', cost, process.now());
    leastHeld = Math.min(leastHeld, leases.find(policy, 'ada')?.held ?? 0);
    if (lease === 'denied') answers += 1;
    else if (lease === 'unknown') {
      leases.request(policy, 'ada', cost, (failure) => {
        if (failure !== undefined || tries === 20) answers += 1;
        else call(process, cost, isRefunded, tries + 1);
      });
    } else {
      answers += 1;
      const window = windowNow();
      const { at } = lease;
      add(spent, window, cost);
      if (!isRefunded) return;
      world.at(world.now + 30, () => {
        if (process.leases === leases && leases.putBack(policy, 'ada', at, cost)) add(spent, window, -cost);
      });
    }
  };

  let [at, calls] = [START, 0];
  for (const { afterMs, edgeMs, process, what } of happenings) {
    at += afterMs;
    if (edgeMs !== null) at = Math.max(at, Math.ceil(at / PERIOD_MS) * PERIOD_MS + edgeMs);
    const chosen = fleet[process % fleet.length];
    if (chosen === undefined) continue;
    world.at(at, () => (what === 'crash' ? chosen.crash() : call(chosen, what.cost, what.isRefunded)));
    if (what !== 'crash') calls += 1;
  }
  // Each window is drained soon after it began: whatever is spent in it beside that is too much.
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
    const lease = leases.find(policy, 'ada');
    if (lease !== undefined) add(held, Math.floor(lease.startMs / PERIOD_MS), lease.held);
  }
  return { limit, spent, server, held, leastHeld, calls, answers, windowNow };
}

describe('leases', () => {
  it('spend no more than the limit in any window of the server, whatever happens to processes, requests and replies', async () => {
    await fc.assert(
      fc.asyncProperty(scene(fate), async (drawn) => {
        const { limit, spent, server, leastHeld, calls, answers } = await play(drawn);
        for (const units of spent.values()) expect(units).toBeLessThanOrEqual(limit);
        // What was granted and not given back covers what was spent; what is over is nobody's.
        for (const [window, units] of spent) {
          const stranded = (server.granted.get(window) ?? 0) - (server.givenBack.get(window) ?? 0) - units;
          expect(stranded).toBeGreaterThanOrEqual(0);
        }
        expect(leastHeld).toBe(0);
        expect(answers).toBe(calls);
      }),
      { numRuns: scaled(150, 400) },
    );
  });

  it('lose no unit where nothing else is lost: what was granted is spent, given back, or held', async () => {
    await fc.assert(
      fc.asyncProperty(scene(swift), async (drawn) => {
        const happenings = drawn.happenings.filter(({ what }) => what !== 'crash');
        const { spent, server, held } = await play({ ...drawn, happenings });
        const last = Math.max(...server.granted.keys());
        const units = (server.givenBack.get(last) ?? 0) + (spent.get(last) ?? 0) + (held.get(last) ?? 0);
        if (server.granted.size > 0) expect(units).toBe(server.granted.get(last));
      }),
      { numRuns: scaled(75, 200) },
    );
  });
});
