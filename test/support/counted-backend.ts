import type { Backend } from '../../src/backends/backend.js';
import { MemoryBackend } from '../../src/backends/memory/memory.backend.js';
import { ManualClock } from '../../src/core/clock.js';
import type { Charge, Receipt } from '../../src/core/decision.js';
import { START } from './start-time.js';

/** A backend in memory that records its calls. */
export class CountedBackend extends MemoryBackend {
  /** `spend search`, `peek search`, `settle search`, `reset search`, in order. */
  readonly asked: string[] = [];
  /** The costs of each settlement, in order. */
  readonly settled: (readonly number[])[] = [];

  constructor(readonly manual: ManualClock = new ManualClock(START)) {
    super({ clock: manual });
  }

  override spend(charges: readonly Charge[]) {
    this.#note('spend', charges);
    return super.spend(charges);
  }

  override peek(charges: readonly Charge[]) {
    this.#note('peek', charges);
    return super.peek(charges);
  }

  override settle(receipt: Receipt, costs: readonly number[]) {
    this.#note('settle', receipt.charges);
    this.settled.push(costs);
    return super.settle(receipt, costs);
  }

  override reset(targets: Parameters<Backend['reset']>[0]) {
    this.#note('reset', targets);
    return super.reset(targets);
  }

  #note(method: string, targets: Parameters<Backend['reset']>[0]): void {
    this.asked.push(`${method} ${targets.map(({ policy }) => policy.name).join(' ')}`);
  }
}
