import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RemoteBackend } from '../../../src/backends/resilience/remote.backend.js';
import { ManualClock, systemClock } from '../../../src/core/clock.js';
import type { Charge } from '../../../src/core/decision.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { GRANT, RemoteMemory } from './remote-memory.js';

const policy = definePolicy('p', '5/min');
const charges: readonly Charge[] = [{ policy, subject: 'ada', cost: 1 }];

describe('a remote store as a backend', () => {
  let store: RemoteMemory;
  let backend: RemoteBackend;

  beforeEach(() => {
    jest.spyOn(systemClock, 'now').mockImplementation(() => 1_000_000);
    store = new RemoteMemory(new ManualClock());
    backend = new RemoteBackend(store, 250);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('gives each call a deadline', async () => {
    const { receipt = { at: 0, charges: [] } } = await backend.spend(charges);
    expect(await backend.peek(charges)).toMatchObject({ decisions: [{ remaining: 3 }] });
    await backend.settle(receipt, [0]);
    expect(await backend.peek(charges)).toMatchObject({ decisions: [{ remaining: 4 }] });
    await backend.reset(charges);
    expect(await backend.lease({ policy, subject: 'ada' }, 1)).toEqual(GRANT);
    await backend.probe(charges);
    expect(await backend.warnings()).toEqual(['careful']);
    const methods = ['spend', 'peek', 'settle', 'peek', 'reset', 'lease', 'probe', 'warnings'];
    expect(store.deadlines).toEqual(methods.map((method) => [method, 1_000_250]));
  });

  it('gives each call for settings a deadline', async () => {
    const { settings } = backend;
    const ada = { policy: 'p', subject: 'ada' };
    expect(await settings?.setOverride({ ...ada, rate: 'unlimited' })).toEqual({ ...ada, rate: 'unlimited' });
    expect(await settings?.getOverride(ada)).toEqual({ ...ada, rate: 'unlimited' });
    expect((await settings?.listOverrides('p', { limit: 1 }))?.entries).toEqual([{ ...ada, rate: 'unlimited' }]);
    expect(await settings?.deleteOverride(ada)).toBe(true);
    const change = { policy: 'p', mode: 'off', changedAt: store.clock.now() };
    expect(await settings?.changePolicy({ policy: 'p', mode: 'off' })).toEqual(change);
    expect(await settings?.listPolicyChanges()).toEqual([change]);
    await settings?.resetPolicy('p');
    expect(await settings?.version()).toBe(2);
    const methods = ['setOverride', 'getOverride', 'listOverrides', 'deleteOverride'];
    methods.push('changePolicy', 'listPolicyChanges', 'resetPolicy', 'version');
    expect(store.deadlines).toEqual(methods.map((method) => [method, 1_000_250]));
  });

  it('does not call the store for a call without charges', () => {
    const nothing = { allowed: true, decisions: [], binding: null };
    expect([backend.spend([]), backend.peek([])]).toEqual([nothing, nothing]);
    expect(store.deadlines).toEqual([]);
  });

  it('is remote, and has the clock of the store', () => {
    expect([backend.remote, backend.clock]).toEqual([true, store.clock]);
  });
});
