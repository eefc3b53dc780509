import type { Grant, Target } from '../../../src/backends/backend.js';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { MemorySettings } from '../../../src/backends/memory/memory-settings.js';
import type { DecideMode, OutcomeListener, RemoteSettings, RemoteStore } from '../../../src/backends/remote-store.js';
import type { ManualClock } from '../../../src/core/clock.js';
import type { Charge, Outcome, Receipt } from '../../../src/core/decision.js';

/** The grant of `lease`. */
export const GRANT: Grant = { granted: 1, remaining: 2, at: 3, endsInMs: 4 };

/** A store in memory that records the deadlines that it is given. */
export class RemoteMemory implements RemoteStore {
  readonly deadlines: (readonly [method: string, dueMs: number])[] = [];
  readonly memory: MemoryBackend;
  readonly settings: RemoteSettings;

  constructor(readonly clock: ManualClock) {
    this.memory = new MemoryBackend({ clock });
    const kept = new MemorySettings(clock);
    const note = async <T>(method: string, dueMs: number, result: T): Promise<T> => {
      this.deadlines.push([method, dueMs]);
      return result;
    };
    this.settings = {
      setOverride: (override, dueMs) => note('setOverride', dueMs, kept.setOverride(override)),
      getOverride: (target, dueMs) => note('getOverride', dueMs, kept.getOverride(target)),
      deleteOverride: (target, dueMs) => note('deleteOverride', dueMs, kept.deleteOverride(target)),
      listOverrides: (policy, page, dueMs) => note('listOverrides', dueMs, kept.listOverrides(policy, page)),
      changePolicy: (change, dueMs) => note('changePolicy', dueMs, kept.changePolicy(change)),
      resetPolicy: (policy, dueMs) => note('resetPolicy', dueMs, kept.resetPolicy(policy)),
      listPolicyChanges: (dueMs) => note('listPolicyChanges', dueMs, kept.listPolicyChanges()),
      version: (dueMs) => note('version', dueMs, kept.version()),
    };
  }

  async decide(
    asked: readonly Charge[],
    mode: DecideMode,
    dueMs: number,
    listener?: OutcomeListener,
  ): Promise<Outcome> {
    this.deadlines.push([mode, dueMs]);
    const outcome = this.memory[mode](asked);
    listener?.learn(asked, outcome);
    return outcome;
  }
  async settle(receipt: Receipt, costs: readonly number[], dueMs: number): Promise<void> {
    this.deadlines.push(['settle', dueMs]);
    this.memory.settle(receipt, costs);
  }
  async reset(targets: readonly Target[], dueMs: number): Promise<void> {
    this.deadlines.push(['reset', dueMs]);
    this.memory.reset(targets);
  }
  async lease(_target: Target, _wanted: number, dueMs: number): Promise<Grant> {
    this.deadlines.push(['lease', dueMs]);
    return GRANT;
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
