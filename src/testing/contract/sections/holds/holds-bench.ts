import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { HoldReference, HoldRequest, HoldStore } from '../../../../backends/hold-store.js';
import type { ManualClock } from '../../../../core/clock.js';
import type { Charge, Decision } from '../../../../core/decision.js';
import type { Policy } from '../../../../core/policy.js';
import { calendarArguments } from '../../../../strategies/calendar/quota-windows.js';
import type { Bench } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';

/** The compared members of a decision on a hold. */
export type Shown = readonly [allowed: boolean, remaining: number, resetMs: number, retryAfterMs: number | null];

/** The budget of one subject, on a backend without any state. */
export class HoldsBench {
  constructor(
    readonly backend: Backend,
    readonly store: HoldStore,
    readonly policy: Policy,
    readonly clock: ManualClock,
    readonly subject = 'ada',
  ) {}

  /** The same backend, for another budget. */
  of(policy: Policy, subject = this.subject): HoldsBench {
    return new HoldsBench(this.backend, this.store, policy, this.clock, subject);
  }

  request(id: number, units = 1, ttlMs = 30_000): HoldRequest {
    return { ...this.reference(id), units, ttlMs };
  }

  reference(id: number): HoldReference {
    const { policy, subject, clock } = this;
    const windows = policy.calendar && { arguments: calendarArguments(policy, clock.now()) };
    return { policy, subject, id, ...windows };
  }

  /** Takes one hold, and returns its decision. */
  async take(id: number, units?: number, ttlMs?: number, charges: readonly Charge[] = []): Promise<Decision> {
    const { decisions } = await this.store.take([this.request(id, units, ttlMs)], charges);
    return only(decisions.slice(0, 1));
  }

  async shown(id: number, units?: number, ttlMs?: number): Promise<Shown> {
    const { allowed, remaining, resetMs, retryAfterMs } = await this.take(id, units, ttlMs);
    return [allowed, remaining, resetMs, retryAfterMs];
  }

  /** Returns the units that could be held now. */
  async left(): Promise<number> {
    const { decisions } = await this.store.peek([this.request(0, 0)], []);
    return only(decisions).remaining;
  }

  async extend(id: number, ttlMs = 30_000): Promise<boolean> {
    return only(await this.store.extend([this.reference(id)], ttlMs));
  }

  /** Returns true if the hold grew, or undefined if there is none. */
  async grow(id: number, units: number): Promise<boolean | undefined> {
    return (await this.store.grow(this.reference(id), units))?.allowed;
  }

  async end(id: number, units = 0): Promise<boolean> {
    return only(await this.store.end([{ ...this.reference(id), units }]));
  }
}

function only<T>(list: readonly T[]): T {
  const [item] = list;
  assert.ok(item !== undefined && list.length === 1, `expected one answer, got ${list.length}`);
  return item;
}

/** An instant at which windows of a second, a minute and an hour begin. */
export const ALIGNED_MS = Date.UTC(2026, 0, 1);

/** Adds a case for backends with holds: it passes for others. */
export function holdsCase(
  suite: Suite<Bench>,
  name: string,
  policy: Policy,
  body: (budget: HoldsBench) => Promise<void>,
  startMs = ALIGNED_MS,
): void {
  suite.case(name, async ({ open }) => {
    const { backend, clock } = await open(startMs);
    if (backend.holds !== undefined) await body(new HoldsBench(backend, backend.holds, policy, clock));
  });
}
