import { describe, expect, it } from '@jest/globals';
import type { Backend, Grant, Target } from '../../src/backends/backend.js';
import type { BackendEvent } from '../../src/backends/backend-events.js';
import { BackendLayer } from '../../src/backends/backend-layer.js';
import type { BlockStore } from '../../src/backends/blocks/block-store.js';
import type { HoldStore } from '../../src/backends/hold-store.js';
import { MemoryBackend } from '../../src/backends/memory/memory.backend.js';
import type { SettingsStore } from '../../src/backends/settings-store.js';
import { ManualClock, systemClock } from '../../src/core/clock.js';
import type { Charge, Decision, Outcome, Receipt } from '../../src/core/decision.js';
import type { Policy } from '../../src/core/policy.js';
import { definePolicy } from '../../src/strategies/define-policy.js';
import { fixedWindow } from '../../src/strategies/fixed-window.js';
import { defineStrategy, type Strategy } from '../../src/strategies/strategy.js';

class PlainLayer<Inner extends Backend> extends BackendLayer<Inner> {}

/** A layer that spends leased units itself. */
class LeasingLayer extends BackendLayer {
  constructor(inner: Backend) {
    super(inner, { lease: false });
  }
}

const policy = definePolicy('p', '5/min');
const target: Target = { policy, subject: 'ada' };
const charges: readonly Charge[] = [{ ...target, cost: 1 }];
const decision: Decision = {
  policy: 'p',
  allowed: true,
  limit: 5,
  remaining: 4,
  resetMs: 1,
  retryAfterMs: 0,
  delayMs: 0,
  windowMs: 1,
};
const outcome: Outcome = { allowed: true, decisions: [], binding: null };
const receipt: Receipt = { at: 1, charges };
const grant: Grant = { granted: 1, remaining: 2, at: 3, endsInMs: 4 };

/** A backend that has all of the contract, and records how it was called. */
class RecordingBackend implements Required<Backend> {
  readonly calls: unknown[][] = [];
  readonly remote = true;
  readonly timeoutMs = 250;
  readonly clock = new ManualClock();
  readonly domains = { of: () => ['a'], all: () => ['a', 'b'] };
  readonly holds: HoldStore = {
    take: () => outcome,
    peek: () => outcome,
    extend: () => [true],
    grow: () => ({ ...decision, remaining: 1 }),
    end: () => [true],
  };
  readonly blocks: BlockStore = {
    setBlock: ({ subject }, forMs) => ({ policy: 'p', subject, expiresAt: forMs, strikes: 0 }),
    getBlock: () => undefined,
    deleteBlock: () => true,
    listBlocks: () => ({ entries: [] }),
  };
  readonly settings: SettingsStore = {
    setOverride: (override) => override,
    getOverride: () => undefined,
    deleteOverride: () => true,
    listOverrides: () => ({ entries: [] }),
    changePolicy: (change) => ({ ...change, changedAt: 1 }),
    resetPolicy: () => undefined,
    listPolicyChanges: () => [],
    version: () => 1,
  };

  spend(...args: [readonly Charge[]]): Outcome {
    this.calls.push(['spend', ...args]);
    return outcome;
  }
  async peek(...args: [readonly Charge[]]): Promise<Outcome> {
    this.calls.push(['peek', ...args]);
    return outcome;
  }
  settle(...args: [Receipt, readonly number[]]): void {
    this.calls.push(['settle', ...args]);
  }
  credit(...args: [readonly Charge[]]): void {
    this.calls.push(['credit', ...args]);
  }
  reset(...args: [readonly Target[]]): void {
    this.calls.push(['reset', ...args]);
  }
  probe(...args: [readonly Charge[]]): void {
    this.calls.push(['probe', ...args]);
  }
  async lease(...args: [Target, number]): Promise<Grant> {
    this.calls.push(['lease', ...args]);
    return grant;
  }
  announce(...args: [readonly Policy[]]): void {
    this.calls.push(['announce', ...args]);
  }
  use(...args: [readonly Strategy[]]): void {
    this.calls.push(['use', ...args]);
  }
  listen(...args: [(event: BackendEvent) => void]): void {
    this.calls.push(['listen', ...args]);
  }
  async warnings(): Promise<readonly string[]> {
    this.calls.push(['warnings']);
    return ['careful'];
  }
  async returnLeases(): Promise<void> {
    this.calls.push(['returnLeases']);
  }
  async close(): Promise<void> {
    this.calls.push(['close']);
  }
}

type Method = Exclude<keyof Backend, 'remote' | 'timeoutMs' | 'clock' | 'domains' | 'holds' | 'settings' | 'blocks'>;

describe('a layer that overrides nothing', () => {
  const strategies = [defineStrategy({ ...fixedWindow, name: 'custom' })];
  const listener = () => undefined;
  // A new method of the contract does not compile without an entry here.
  const delegated: Readonly<
    Record<Method, readonly [args: unknown[], call: (layer: PlainLayer<RecordingBackend>) => unknown, result: unknown]>
  > = {
    spend: [[charges], (layer) => layer.spend(charges), outcome],
    peek: [[charges], (layer) => layer.peek(charges), outcome],
    settle: [[receipt, [0]], (layer) => layer.settle(receipt, [0]), undefined],
    credit: [[charges], (layer) => layer.credit?.(charges), undefined],
    reset: [[charges], (layer) => layer.reset(charges), undefined],
    probe: [[charges], (layer) => layer.probe(charges), undefined],
    lease: [[target, 7], (layer) => layer.lease?.(target, 7), grant],
    announce: [[[policy]], (layer) => layer.announce([policy]), undefined],
    use: [[strategies], (layer) => layer.use(strategies), undefined],
    listen: [[listener], (layer) => layer.listen(listener), undefined],
    warnings: [[], (layer) => layer.warnings(), ['careful']],
    returnLeases: [[], (layer) => layer.returnLeases(), undefined],
    close: [[], (layer) => layer.close(), undefined],
  };

  it.each(Object.entries(delegated))('delegates %s, with its arguments and its result', async (name, entry) => {
    const [args, call, result] = entry;
    const inner = new RecordingBackend();
    expect(await call(new PlainLayer(inner))).toEqual(result);
    expect(inner.calls).toEqual([[name, ...args]]);
  });

  it('returns a value if the inner backend does', () => {
    expect(new PlainLayer(new RecordingBackend()).spend(charges)).toBe(outcome);
  });

  it('does not delegate leases if it takes them itself', () => {
    expect(new LeasingLayer(new RecordingBackend()).lease).toBeUndefined();
  });

  it('has the clock, the deadline and the failure domains of the inner backend, and is remote if that is', () => {
    const inner = new RecordingBackend();
    const layer = new PlainLayer(inner);
    expect([layer.remote, layer.clock, layer.domains]).toEqual([true, inner.clock, inner.domains]);
    expect(layer.timeoutMs).toBe(250);
  });

  it('has the stores of the inner backend', () => {
    const inner = new RecordingBackend();
    const layer = new PlainLayer(inner);
    expect(layer.holds).toBe(inner.holds);
    expect(layer.settings).toBe(inner.settings);
    expect(layer.blocks).toBe(inner.blocks);
  });
});

describe('a layer over a backend without the optional methods', () => {
  it('peeks to probe, and does nothing for the others', async () => {
    const peeked: unknown[] = [];
    const inner: Backend = {
      spend: () => outcome,
      peek: (asked) => {
        peeked.push(asked);
        return outcome;
      },
      settle: () => undefined,
      reset: () => undefined,
    };
    const layer = new PlainLayer(inner);
    expect([layer.remote, layer.clock, layer.lease, layer.timeoutMs]).toEqual([
      false,
      systemClock,
      undefined,
      undefined,
    ]);
    expect([layer.domains, layer.holds, layer.settings, layer.blocks]).toEqual(new Array(4).fill(undefined));
    await layer.probe(charges);
    expect(peeked).toEqual([charges]);
    layer.use([]);
    layer.listen(() => undefined);
    expect(await layer.warnings()).toEqual([]);
    await layer.close();
  });

  it('has the decisions of a real one', () => {
    const layer = new PlainLayer(new MemoryBackend({ clock: new ManualClock() }));
    expect(layer.spend(charges)).toMatchObject({ allowed: true, decisions: [{ remaining: 4 }] });
    expect(layer.peek(charges)).toMatchObject({ allowed: true, decisions: [{ remaining: 3 }] });
  });
});
