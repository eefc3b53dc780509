import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { BlockStore } from '../../../../backends/blocks/block-store.js';
import type { ManualClock } from '../../../../core/clock.js';
import type { Charge, Decision } from '../../../../core/decision.js';
import type { Policy } from '../../../../core/policy.js';
import type { Bench } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';

/** The start of a minute, an hour and a day. */
export const START_MS = Date.UTC(2026, 0, 1);
export const MINUTE_MS = 60_000;

/** A backend with blocks and without any state, and shorthands for calling it. */
export class BlockBench {
  constructor(
    readonly backend: Backend,
    readonly blocks: BlockStore,
    readonly clock: ManualClock,
  ) {}

  /** Charges a subject, and returns the first decision. */
  async spend(policy: Policy, cost = 1, more: Partial<Charge> = {}): Promise<Decision | undefined> {
    return (await this.backend.spend([{ policy, subject: 'ada', cost, ...more }])).decisions[0];
  }

  /** Makes calls with a cost of 1, one after another, and returns for each whether it is allowed. */
  async calls(policy: Policy, count: number): Promise<readonly boolean[]> {
    const allowed: boolean[] = [];
    for (let i = 0; i < count; i++) allowed.push((await this.spend(policy))?.allowed === true);
    return allowed;
  }

  /** Charges until the limit is used up, and asserts that the next call begins a block of this length. */
  async block(policy: Policy, forMs: number, strikes: number): Promise<void> {
    assert.deepEqual(await this.calls(policy, policy.limit), new Array(policy.limit).fill(true));
    const denied = await this.spend(policy);
    assert.deepEqual(
      { allowed: denied?.allowed, reason: denied?.reason, startedBlock: denied?.startedBlock },
      { allowed: false, reason: 'blocked', startedBlock: { forMs, strikes } },
    );
  }
}

/** Adds a case for backends with blocks: it passes for others. */
export function blockCase(suite: Suite<Bench>, name: string, body: (bench: BlockBench) => Promise<void>): void {
  suite.case(name, async ({ open }) => {
    const { backend, clock } = await open(START_MS);
    if (backend.blocks !== undefined) await body(new BlockBench(backend, backend.blocks, clock));
  });
}
