import assert from 'node:assert/strict';
import type { Backend } from '../../../backends/backend.js';
import type { ManualClock } from '../../../core/clock.js';
import type { Charge, Decision, Receipt } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';
import { calendarArguments } from '../../../strategies/calendar/quota-windows.js';
import type { Bench } from './bench.js';

/** A charge at an instant, and the exact decision. All instants are in ISO 8601. */
export interface QuotaStep {
  readonly at: string;
  readonly cost: number;
  readonly mode?: 'record';
  /** The first instant of the window, and the first one after it. */
  readonly window: readonly [start: string, end: string];
  readonly used: number;
  readonly remaining: number;
  /** Default: the policy's limit. */
  readonly limit?: number;
  /** When the quota is full again. Default: at the end of the window if units are used, else now. */
  readonly fullAt?: string;
  /** Set for a denial: when the same cost passes. */
  readonly passesAt?: string | null;
  readonly reached?: readonly number[];
}

/** A quota of one subject on a backend. */
export class QuotaBench {
  private constructor(
    readonly backend: Backend,
    readonly clock: ManualClock,
    private readonly policy: Policy,
  ) {}

  static async open({ open }: Pick<Bench, 'open'>, policy: Policy): Promise<QuotaBench> {
    const { backend, clock } = await open(0);
    return new QuotaBench(backend, clock, policy);
  }

  /**
   * Returns the charges of a call. @param seenAt the instant for which the caller computes the windows, if it differs
   * from the backend's
   */
  charges(cost: number, more: Partial<Charge> = {}, seenAt?: string): readonly Charge[] {
    const now = seenAt === undefined ? this.clock.now() : Date.parse(seenAt);
    const { policy } = this;
    return [{ policy, subject: 'ada', cost, arguments: calendarArguments(policy, now), ...more }];
  }

  async spend(cost: number, more: Partial<Charge> = {}, seenAt?: string): Promise<Decision> {
    const [decision] = (await this.backend.spend(this.charges(cost, more, seenAt))).decisions;
    assert.ok(decision);
    return decision;
  }

  async take(cost: number): Promise<Receipt> {
    const { receipt } = await this.backend.spend(this.charges(cost));
    assert.ok(receipt);
    return receipt;
  }

  /** Peeks at each charge, makes it, and compares both decisions with the expected one. */
  async follow(steps: readonly QuotaStep[]): Promise<void> {
    for (const step of steps) {
      const { at, cost, mode } = step;
      this.clock.set(Date.parse(at));
      const charges = this.charges(cost, mode === undefined ? {} : { mode });
      const expected = { at, decision: this.#expected(step) };
      const [peeked] = (await this.backend.peek(charges)).decisions;
      assert.deepEqual({ at, decision: peeked }, expected);
      const [spent] = (await this.backend.spend(charges)).decisions;
      assert.deepEqual({ at, decision: spent }, expected);
    }
  }

  #expected({ window, used, remaining, limit, fullAt, passesAt, reached }: QuotaStep): Decision {
    const now = this.clock.now();
    const [startMs = 0, endMs = 0] = window.map((instant) => Date.parse(instant));
    const fullMs = fullAt === undefined ? (used > 0 ? endMs : now) : Date.parse(fullAt);
    const waitMs = typeof passesAt === 'string' ? Date.parse(passesAt) - now : null;
    return {
      policy: this.policy.name,
      allowed: passesAt === undefined,
      limit: limit ?? this.policy.limit,
      remaining,
      resetMs: fullMs - now,
      retryAfterMs: passesAt === undefined ? 0 : waitMs,
      delayMs: 0,
      windowMs: endMs - startMs,
      window: { startMs, endMs, used },
      ...(passesAt !== undefined && { reason: 'quota' }),
      ...(reached !== undefined && { reached }),
    };
  }
}
