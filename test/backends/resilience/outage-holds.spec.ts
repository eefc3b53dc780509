import { describe, expect, it } from '@jest/globals';
import type { Backend } from '../../../src/backends/backend.js';
import { BackendError } from '../../../src/backends/backend-error.js';
import type { BackendEvent } from '../../../src/backends/backend-events.js';
import type { HoldRequest, HoldStore } from '../../../src/backends/hold-store.js';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { ResilientBackend } from '../../../src/backends/resilience/resilient.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import type { Charge } from '../../../src/core/decision.js';
import type { Policy } from '../../../src/core/policy.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { defineBudget, defineConcurrency } from '../../../src/strategies/held/define-held-policy.js';
import { START } from '../../support/start-time.js';

type Mode = 'local' | 'allow' | 'deny';

const permits = (limit: number, onError?: Mode) => defineConcurrency('export', limit, onError && { onError });
const tokens = (onError?: Mode) => defineBudget('llm', { budget: '500/min', ...(onError && { onError }) });
const api = definePolicy('api', { rate: '3/min', strategy: 'fixed-window' });
const request = (policy: Policy, id: number, units = 1): HoldRequest => ({
  policy,
  subject: 'ada',
  id,
  units,
  ttlMs: 30_000,
});
const charge: Charge = { policy: api, subject: 'ada', cost: 1 };

/** A remote backend with holds, which fails on demand. */
function open(onError: Mode = 'local') {
  const clock = new ManualClock(START);
  const server = new MemoryBackend({ clock });
  const state = { isAvailable: true };
  const remote = async <T>(answer: () => T): Promise<T> => {
    if (!state.isAvailable) throw new BackendError('CONNECTION', 'no connection');
    return answer();
  };
  const holds: HoldStore = {
    take: (...args) => remote(() => server.holds.take(...args)),
    peek: (...args) => remote(() => server.holds.peek(...args)),
    extend: (...args) => remote(() => server.holds.extend(...args)),
    grow: (...args) => remote(() => server.holds.grow(...args)),
    end: (...args) => remote(() => server.holds.end(...args)),
  };
  const inner: Backend = {
    holds,
    clock,
    remote: true,
    spend: (charges) => remote(() => server.spend(charges)),
    peek: (charges) => remote(() => server.peek(charges)),
    settle: (receipt, costs) => remote(() => server.settle(receipt, costs)),
    reset: (targets) => remote(() => server.reset(targets)),
  };
  const backend = new ResilientBackend(inner, onError);
  const events: BackendEvent[] = [];
  backend.listen((event) => event.type !== 'failed' && events.push(event));
  if (backend.holds === undefined) throw new Error('the layer has no holds');
  return { clock, server, state, events, backend, holds: backend.holds };
}

describe('holds during an outage', () => {
  it('are decided in the memory of the process, including its holds at the backend', async () => {
    const { holds, state } = open();
    const two = permits(2);
    await holds.take([request(two, 1)], [charge]);
    state.isAvailable = false;
    const taken = await holds.take([request(two, 2)], [charge]);
    expect(taken).toMatchObject({ allowed: true, degraded: 'local', receipt: { degraded: 'local' } });
    expect(taken.decisions.map(({ policy, remaining }) => [policy, remaining])).toEqual([
      ['export', 0],
      ['api', 1],
    ]);
    expect(taken.receipt?.charges).toEqual([charge]);
    expect(await holds.take([request(two, 3)], [])).toMatchObject({ allowed: false, degraded: 'local' });
    expect(await holds.peek([request(two, 3)], [])).toMatchObject({ allowed: false, degraded: 'local' });
    expect(await holds.extend([request(two, 1), request(two, 2), request(two, 3)], 30_000)).toEqual([true, true, true]);
    expect(await holds.end([{ ...request(two, 2), units: 0 }])).toEqual([true]);
    expect(await holds.take([request(two, 3)], [])).toMatchObject({ allowed: true, degraded: 'local' });
  });

  it.each<readonly [Mode, Mode, boolean, Mode]>([
    ['allow', 'allow', true, 'allow'],
    ['allow', 'deny', false, 'deny'],
    ['local', 'deny', false, 'deny'],
    ['local', 'allow', true, 'local'],
  ])('are decided by the strictest mode of the call: %s and %s', async (one, other, allowed, degraded) => {
    const { holds, state } = open();
    state.isAvailable = false;
    const outcome = await holds.take([request(permits(2, one), 1), request(tokens(other), 1, 600)], []);
    expect(outcome).toMatchObject({ allowed, degraded });
    expect(outcome.receipt).toBeUndefined();
  });

  it('expire at the backend if they end, which an event reports', async () => {
    const { holds, state, events, server } = open();
    const two = permits(2);
    await holds.take([request(two, 1), request(two, 2)], []);
    state.isAvailable = false;
    expect(await holds.end([{ ...request(two, 1), units: 0 }])).toEqual([true]);
    expect(events).toEqual([{ type: 'lost', what: 'hold', code: 'CONNECTION' }]);
    state.isAvailable = true;
    expect(await holds.end([{ ...request(two, 2), units: 0 }])).toEqual([true]);
    expect(server.holds.peek([request(two, 9, 0)], [])).toMatchObject({ decisions: [{ remaining: 1 }] });
  });

  it('grow according to the mode of their policy', async () => {
    const { holds, state } = open();
    const grows = async (mode: Mode, units: number) => {
      state.isAvailable = true;
      const hold = { ...request(tokens(mode), 1, 100), subject: mode };
      await holds.take([hold], []);
      state.isAvailable = false;
      return (await holds.grow(hold, units))?.allowed;
    };
    expect(await grows('deny', 200)).toBe(false);
    expect(await grows('allow', 9000)).toBe(true);
    expect(await grows('local', 200)).toBe(true);
    expect(await grows('local', 501)).toBe(false);
  });

  it('have the share of their limit that the process enforces', async () => {
    const { holds, state } = open();
    const four = defineConcurrency('export', 4, { onError: { local: { share: 0.5 } } });
    await holds.take([request(four, 1)], []);
    state.isAvailable = false;
    expect(await holds.take([request(four, 2)], [])).toMatchObject({
      allowed: true,
      decisions: [{ limit: 2, remaining: 0 }],
    });
    expect(await holds.take([request(four, 3)], [])).toMatchObject({ allowed: false, degraded: 'local' });
    expect((await holds.grow(request(four, 2), 2))?.allowed).toBe(false);
  });

  it('share the limits of the charges that are taken with them', async () => {
    const { holds, state } = open();
    const limited = definePolicy('api', {
      rate: '4/min',
      strategy: 'fixed-window',
      onError: { local: { share: 0.5 } },
    });
    const taken = (id: number) => holds.take([request(permits(20), id)], [{ ...charge, policy: limited }]);
    state.isAvailable = false;
    expect(await taken(1)).toMatchObject({ allowed: true, decisions: [{}, { limit: 2, remaining: 1 }] });
    expect(await taken(2)).toMatchObject({ allowed: true });
    expect(await taken(3)).toMatchObject({ allowed: false, binding: { policy: 'api', limit: 2 } });
  });

  it('leave charges that the recovered backend does not have, so that later calls must pass both', async () => {
    const { holds, state, backend, clock, server } = open();
    const twenty = permits(20);
    state.isAvailable = false;
    for (let id = 0; id < 3; id++) {
      expect(await holds.take([request(twenty, id)], [charge])).toMatchObject({ allowed: true, degraded: 'local' });
      await holds.end([{ ...request(twenty, id), units: 0 }]);
    }
    state.isAvailable = true;
    const late = () => holds.take([request(twenty, 9)], [charge]);
    expect(await late()).toMatchObject({ allowed: false, degraded: 'local', binding: { policy: 'api' } });
    expect(await backend.spend([charge])).toMatchObject({ allowed: false, degraded: 'local' });
    expect(server.holds.peek([request(twenty, 9, 0)], [])).toMatchObject({ decisions: [{ remaining: 20 }] });
    clock.advance(60_000);
    const outcome = await late();
    expect(outcome).toMatchObject({ allowed: true, decisions: [{}, { remaining: 2 }] });
    expect(outcome.degraded).toBeUndefined();
  });

  it('are freed if concurrent calls use up what charges of the outage have left', async () => {
    const { holds, state, backend, server } = open();
    const twenty = permits(20);
    const taken = (id: number) => holds.take([request(twenty, id)], [charge]);
    state.isAvailable = false;
    for (let id = 0; id < 2; id++) {
      await taken(id);
      await holds.end([{ ...request(twenty, id), units: 0 }]);
    }
    state.isAvailable = true;
    const [first, second] = await Promise.all([taken(8), taken(9)]);
    expect(first).toMatchObject({ allowed: true });
    expect(second).toMatchObject({
      allowed: false,
      degraded: 'local',
      decisions: [{ policy: 'export' }, { policy: 'api', allowed: false }],
      binding: { policy: 'api' },
    });
    expect(second?.receipt).toBeUndefined();
    // Lets the returns run, which no caller waits for.
    await new Promise(setImmediate);
    expect(server.holds.peek([request(twenty, 9, 0)], [])).toMatchObject({ decisions: [{ remaining: 19 }] });
    expect(server.peek([{ ...charge, cost: 0 }])).toMatchObject({ decisions: [{ remaining: 2 }] });
    expect(await holds.extend([request(twenty, 8), request(twenty, 9)], 30_000)).toEqual([true, false]);
    expect(await backend.peek([charge])).toMatchObject({ allowed: false, degraded: 'local' });
  });

  it.each<readonly [Mode, boolean]>([
    ['allow', false],
    ['deny', false],
    ['allow', true],
    ['deny', true],
  ])('of other policies leave the limit of one with onError "%s" to the recovered backend', async (mode, isBeside) => {
    const { holds, state } = open();
    const one = permits(1, mode);
    state.isAvailable = false;
    expect(await holds.take([request(tokens('local'), 1, 10)], [])).toMatchObject({ degraded: 'local' });
    state.isAvailable = true;
    expect(await holds.take([request(one, 1)], [])).toMatchObject({ allowed: true });
    const beside = isBeside ? [request(tokens('local'), 2, 10)] : [];
    const denied = await holds.take([request(one, 2), ...beside], []);
    expect(denied).toMatchObject({ allowed: false, binding: { policy: 'export' } });
    expect(denied.degraded).toBeUndefined();
    // Holds of this process count, and give the reason of the denial.
    const tooMuch = await holds.take([request(permits(5, mode), 3), request(tokens('local'), 3, 495)], []);
    expect(tooMuch).toMatchObject({ allowed: false, binding: { policy: 'llm' } });
  });

  it('open the circuit breaker like other calls', async () => {
    const { holds, state, events, backend } = open();
    state.isAvailable = false;
    for (let id = 0; id < 5; id++) await holds.take([request(permits(20), id)], []);
    expect(events.map(({ type }) => type)).toEqual(['degraded']);
    expect(backend.retryAfterMs).toBeGreaterThan(0);
  });

  it('do not call the backend if they end and only this process has them', async () => {
    const { holds, state, events } = open();
    const twenty = permits(20);
    state.isAvailable = false;
    for (let id = 0; id < 4; id++) await holds.take([request(twenty, id)], []);
    expect(await holds.end([{ ...request(twenty, 0), units: 0 }])).toEqual([true]);
    // Nothing is lost, no failure more is counted, and none is forgotten: the next one is the fifth.
    expect(events).toEqual([]);
    await holds.take([request(twenty, 4)], []);
    expect(events).toMatchObject([{ type: 'degraded' }]);
  });

  it('throw the error of an invalid call, during an outage or not', async () => {
    const { holds, state } = open('allow');
    state.isAvailable = false;
    await expect(holds.take([request(api, 1)], [])).rejects.toThrow('cannot be held');
    await expect(holds.take([request(permits(2), -1)], [])).rejects.toThrow(RangeError);
    await expect(holds.take([request(permits(2), 1)], [{ ...charge, cost: -1 }])).rejects.toThrow(RangeError);
    await expect(holds.extend([request(permits(2), 1)], 0)).rejects.toThrow(RangeError);
  });
});

describe('holds after an outage', () => {
  it('count together with those that were taken during it, while these are open', async () => {
    const { holds, state, server } = open();
    const two = permits(2);
    state.isAvailable = false;
    await holds.take([request(two, 1), request(two, 2)], []);
    state.isAvailable = true;
    expect(await holds.take([request(two, 3)], [])).toMatchObject({ allowed: false, degraded: 'local' });
    expect(await holds.extend([request(two, 1)], 30_000)).toEqual([true]);
    expect(await holds.end([{ ...request(two, 1), units: 0 }])).toEqual([true]);
    const taken = await holds.take([request(two, 3)], []);
    expect(taken.allowed).toBe(true);
    expect(taken.degraded).toBeUndefined();
    expect(server.holds.extend([request(two, 3)], 30_000)).toEqual([true]);
    expect(
      await holds.end([
        { ...request(two, 2), units: 0 },
        { ...request(two, 3), units: 0 },
      ]),
    ).toEqual([true, true]);
  });

  it('are lost if they expired at the backend', async () => {
    const { holds, state, clock } = open();
    const two = permits(2);
    await holds.take([request(two, 1)], []);
    state.isAvailable = false;
    clock.advance(20_000);
    expect(await holds.extend([request(two, 1)], 30_000)).toEqual([true]);
    clock.advance(10_000);
    state.isAvailable = true;
    expect(await holds.extend([request(two, 1)], 30_000)).toEqual([false]);
    expect(await holds.end([{ ...request(two, 1), units: 0 }])).toEqual([false]);
  });

  it('of another process are extended and ended at the backend', async () => {
    const { holds, server } = open();
    const hold = request(tokens(), 1, 100);
    server.holds.take([hold], []);
    expect(await holds.extend([hold], 30_000)).toEqual([true]);
    expect((await holds.grow(hold, 200))?.allowed).toBe(true);
    expect(await holds.end([{ ...hold, units: 150 }])).toEqual([true]);
    expect(server.holds.peek([{ ...hold, units: 0 }], [])).toMatchObject({ decisions: [{ remaining: 350 }] });
  });
});
