import type { Grant, Target } from '../../../src/backends/backend.js';
import type { LeasableBackend } from '../../../src/backends/leasing/leasing.backend.js';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';

/** A custom remote store: it leases units of a memory backend and records the requests. */
export class FarStore extends MemoryBackend implements LeasableBackend {
  readonly remote = true;
  readonly wanted: number[] = [];

  async lease({ policy, subject }: Target, wanted: number): Promise<Grant> {
    this.wanted.push(wanted);
    const { binding } = this.peek([{ policy, subject, cost: 0 }]);
    const granted = Math.min(wanted, binding?.remaining ?? 0);
    const { decisions, receipt } = this.spend([{ policy, subject, cost: granted }]);
    const at = receipt?.at ?? this.clock.now();
    return { granted, remaining: decisions[0]?.remaining ?? 0, at, endsInMs: decisions[0]?.resetMs ?? 0 };
  }
}
