import type { DecideMode, OutcomeListener, RemoteStore } from '../../../src/backends/remote-store.js';
import {
  type Charge,
  type Grant,
  type ManualClock,
  MemoryBackend,
  type Outcome,
  type Receipt,
  type Target,
} from '../../../src/index.js';

/** What `lease` grants. */
export const GRANT: Grant = { granted: 1, remaining: 2, at: 3, endsInMs: 4 };

/** A store in memory that records the deadlines that it is given. */
export class RemoteMemory implements RemoteStore {
  readonly deadlines: (readonly [method: string, dueMs: number])[] = [];
  readonly memory: MemoryBackend;

  constructor(readonly clock: ManualClock) {
    this.memory = new MemoryBackend({ clock });
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
