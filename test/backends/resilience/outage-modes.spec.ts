import { describe, expect, it } from '@jest/globals';
import { BackendError } from '../../../src/backends/backend-error.js';
import type { BackendEvent } from '../../../src/backends/backend-events.js';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { ResilientBackend } from '../../../src/backends/resilience/resilient.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import type { Charge, Outcome, Receipt } from '../../../src/core/decision.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { START } from '../../support/start-time.js';

/** A remote backend that is unavailable by default. */
class Unavailable extends MemoryBackend {
  readonly remote = true;
  isAvailable = false;

  override spend(charges: readonly Charge[]): Outcome {
    this.#assertAvailable();
    return super.spend(charges);
  }

  override settle(receipt: Receipt, costs: readonly number[]): void {
    this.#assertAvailable();
    super.settle(receipt, costs);
  }

  #assertAvailable(): void {
    if (!this.isAvailable) throw new BackendError('CONNECTION', 'no connection');
  }
}

const policy = (name: string, onError: 'local' | 'allow' | 'deny') =>
  definePolicy(name, { rate: '10/min', strategy: 'fixed-window', onError });
const local = policy('local', 'local');
const deny = policy('deny', 'deny');
const allow = policy('allow', 'allow');
const charge = (of: typeof local, cost: number, mode?: Charge['mode']): Charge => ({
  policy: of,
  subject: 'ada',
  cost,
  ...(mode && { mode }),
});

describe('during an outage', () => {
  const open = () => {
    const remote = new Unavailable({ clock: new ManualClock(START) });
    return { remote, backend: new ResilientBackend(remote, 'local') };
  };

  it('counts a recorded charge in this process, even above the limit', async () => {
    const { backend } = open();
    const { allowed, degraded, receipt } = await backend.spend([charge(local, 25, 'record')]);
    expect({ allowed, degraded }).toEqual({ allowed: true, degraded: 'local' });
    expect((await backend.spend([charge(local, 1)])).allowed).toBe(false);
    if (receipt !== undefined) await backend.settle(receipt, [9]);
    expect((await backend.spend([charge(local, 1)])).binding).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('settles a charge of the fallback upward, once', async () => {
    const { backend } = open();
    const { receipt } = await backend.spend([charge(local, 1)]);
    if (receipt === undefined) throw new Error('nothing was taken');
    await backend.settle(receipt, [12]);
    await backend.settle(receipt, [0]);
    expect((await backend.spend([charge(local, 1)])).allowed).toBe(false);
  });

  it('lets a monitored charge deny nothing, with any onError', async () => {
    const { backend } = open();
    const watched = charge(deny, 1, 'monitor');
    expect(await backend.spend([watched])).toEqual({ allowed: true, decisions: [], binding: null, degraded: 'allow' });
    const { allowed, decisions } = await backend.spend([watched, charge(local, 3)]);
    expect({ allowed, remaining: decisions.map(({ remaining }) => remaining) }).toEqual({
      allowed: true,
      remaining: [10, 7],
    });
    expect(await backend.spend([charge(deny, 1), charge(allow, 1, 'monitor')])).toMatchObject({
      allowed: false,
      degraded: 'deny',
    });
  });

  it('counts a monitored charge in this process', async () => {
    const { backend } = open();
    for (const [remaining, allowed] of [
      [4, true],
      [4, false],
    ]) {
      const outcome = await backend.spend([charge(local, 6, 'monitor')]);
      expect(outcome).toMatchObject({ allowed: true, binding: null, degraded: 'local' });
      expect(outcome.decisions).toMatchObject([{ mode: 'monitor', remaining, allowed }]);
    }
  });

  it('reports a copy of a receipt to the caller, and not as lost', async () => {
    const { backend, remote } = open();
    const events: BackendEvent[] = [];
    backend.listen((event) => events.push(event));
    remote.isAvailable = true;
    const { receipt } = await backend.spend([charge(local, 1)]);
    if (receipt === undefined) throw new Error('nothing was taken');
    const copy: Receipt = JSON.parse(JSON.stringify(receipt));
    await expect(Promise.resolve(backend.settle(copy, [0]))).rejects.toThrow(/holds/);
    await expect(backend.settle(receipt, [0])).resolves.toBeUndefined();
    expect(events).toEqual([]);
  });

  it('throws for invalid charges, as without an outage', () => {
    const { backend } = open();
    const invalid = { ...charge(local, 1), mode: 'observe' };
    expect(() => Reflect.apply(backend.spend, backend, [[invalid]])).toThrow(RangeError);
  });
});
