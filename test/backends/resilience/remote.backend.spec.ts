import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DecideMode, RemoteStore } from '../../../src/backends/remote-store.js';
import { RemoteBackend } from '../../../src/backends/resilience/remote.backend.js';
import {
  type Charge,
  definePolicy,
  type Grant,
  ManualClock,
  MemoryBackend,
  type Outcome,
  type Receipt,
  systemClock,
  type Target,
} from '../../../src/index.js';

const policy = definePolicy('p', '5/min');
const charges: readonly Charge[] = [{ policy, subject: 'ada', cost: 1 }];
const grant: Grant = { granted: 1, remaining: 2, at: 3, endsInMs: 4 };

/** A store in memory that records the deadlines that it is given. */
class RecordingStore implements RemoteStore {
  readonly clock = new ManualClock();
  readonly deadlines: (readonly [method: string, dueMs: number])[] = [];
  readonly #memory = new MemoryBackend({ clock: this.clock });

  async decide(asked: readonly Charge[], mode: DecideMode, dueMs: number): Promise<Outcome> {
    this.deadlines.push([mode, dueMs]);
    return this.#memory[mode](asked);
  }
  async settle(receipt: Receipt, costs: readonly number[], dueMs: number): Promise<void> {
    this.deadlines.push(['settle', dueMs]);
    this.#memory.settle(receipt, costs);
  }
  async reset(targets: readonly Target[], dueMs: number): Promise<void> {
    this.deadlines.push(['reset', dueMs]);
    this.#memory.reset(targets);
  }
  async lease(_target: Target, _wanted: number, dueMs: number): Promise<Grant> {
    this.deadlines.push(['lease', dueMs]);
    return grant;
  }
  async probe(_charges: readonly Charge[], dueMs: number): Promise<void> {
    this.deadlines.push(['probe', dueMs]);
  }
  async warnings(dueMs: number): Promise<readonly string[]> {
    this.deadlines.push(['warnings', dueMs]);
    return ['careful'];
  }
  use(): void {}
  listen(): void {}
  async close(): Promise<void> {}
}

describe('a remote store as a backend', () => {
  let store: RecordingStore;
  let backend: RemoteBackend;

  beforeEach(() => {
    jest.spyOn(systemClock, 'now').mockImplementation(() => 1_000_000);
    store = new RecordingStore();
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
    expect(await backend.lease({ policy, subject: 'ada' }, 1)).toEqual(grant);
    await backend.probe(charges);
    expect(await backend.warnings()).toEqual(['careful']);
    const methods = ['spend', 'peek', 'settle', 'peek', 'reset', 'lease', 'probe', 'warnings'];
    expect(store.deadlines).toEqual(methods.map((method) => [method, 1_000_250]));
  });

  it('does not ask the store for a call without charges', () => {
    const nothing = { allowed: true, decisions: [], binding: null };
    expect([backend.spend([]), backend.peek([])]).toEqual([nothing, nothing]);
    expect(store.deadlines).toEqual([]);
  });

  it('is remote, and has the clock of the store', () => {
    expect([backend.remote, backend.clock]).toEqual([true, store.clock]);
  });
});
