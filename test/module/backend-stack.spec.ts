import { describe, expect, it } from '@jest/globals';
import {
  BackendError,
  type Charge,
  definePolicy,
  type Grant,
  type LeasableBackend,
  MemoryBackend,
  type Outcome,
  type Target,
} from '../../src/index.js';
import { stackBackend } from '../../src/module/backend-stack.js';
import { FunctionDeadlines } from '../../src/transports/functions/function-deadlines.js';

/** A remote backend that may be unavailable, and counts its calls. */
class RemoteBackend extends MemoryBackend {
  readonly remote = true;
  isAvailable = true;
  calls = 0;

  override spend(charges: readonly Charge[]): Outcome {
    this.calls += 1;
    if (!this.isAvailable) throw new BackendError('CONNECTION', 'no connection');
    return super.spend(charges);
  }
}

class LeasableRemoteBackend extends RemoteBackend implements LeasableBackend {
  async lease({ policy, subject }: Target, wanted: number): Promise<Grant> {
    const { decisions, receipt } = this.spend([{ policy, subject, cost: wanted }]);
    const at = receipt?.at ?? this.clock.now();
    return { granted: wanted, remaining: decisions[0]?.remaining ?? 0, at, endsInMs: decisions[0]?.resetMs ?? 0 };
  }
}

const charge = (lease?: { batch: number }): Charge => ({
  policy: definePolicy('api', { rate: '100/h', strategy: 'fixed-window', ...(lease && { lease }) }),
  subject: 'somebody',
  cost: 1,
});

describe('stackBackend', () => {
  it('adds no layer to a backend in the process', () => {
    const backend = new MemoryBackend();
    const stack = stackBackend(backend, 'local', new FunctionDeadlines());
    expect(stack.backend).toBe(backend);
    expect(stack.unavailableForMs()).toBe(0);
  });

  it('applies onError to a remote backend, and returns when it is called again', async () => {
    const remote = new RemoteBackend();
    const { backend, unavailableForMs } = stackBackend(remote, 'deny', new FunctionDeadlines());
    expect(await backend.spend([charge()])).toMatchObject({ allowed: true });
    expect(unavailableForMs()).toBe(0);
    remote.isAvailable = false;
    for (let i = 0; i < 5; i++) {
      expect(await backend.spend([charge()])).toMatchObject({ allowed: false, degraded: 'deny' });
    }
    expect(unavailableForMs()).toBeGreaterThan(0);
    await backend.close?.();
  });

  it('spends leased units in the process if the backend can lease', async () => {
    const remote = new LeasableRemoteBackend();
    const { backend } = stackBackend(remote, 'local', new FunctionDeadlines());
    const leased = charge({ batch: 50 });
    for (let i = 0; i < 10; i++) expect(await backend.spend([leased])).toMatchObject({ allowed: true });
    expect(remote.calls).toBe(1);
    await backend.close?.();
  });

  it('sends each call to a remote backend that cannot lease', async () => {
    const remote = new RemoteBackend();
    const { backend } = stackBackend(remote, 'local', new FunctionDeadlines());
    const leased = charge({ batch: 50 });
    for (let i = 0; i < 10; i++) expect(await backend.spend([leased])).toMatchObject({ allowed: true });
    expect(remote.calls).toBe(10);
    await backend.close?.();
  });
});
