import type { Grant, Target } from '../../../src/backends/backend.js';
import { LeaseManager } from '../../../src/backends/leasing/lease-manager.js';
import type { LeasableBackend } from '../../../src/backends/leasing/leasing.backend.js';
import { UnitReturns } from '../../../src/backends/unit-returns.js';
import type { Charge, Receipt } from '../../../src/core/decision.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';

export const MINUTE = 60_000;
export const WINDOW = Date.UTC(2026, 0, 1);
export const make = (limit: number, batch: number, name = 'p') =>
  definePolicy(name, { rate: `${limit}/min`, strategy: 'fixed-window', lease: { batch } });
export const policy = make(100, 10);
export const charge = (cost: number, subject = 'ada', of = policy): Charge => ({ policy: of, subject, cost });

/** A request for units, which the test answers. */
export interface GrantRequest extends Target {
  readonly wanted: number;
  answer(grant: Grant): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** The server's reply at an instant, by default 10 seconds into a window. */
export const grant = (granted: number, remaining = 90, at = WINDOW + 10_000): Grant => ({
  granted,
  remaining,
  at,
  endsInMs: Math.floor(at / MINUTE) * MINUTE + MINUTE - at,
});

/** Lets code that awaits promises continue. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

/** The leases of a process whose clock and server are controlled by the test. */
export class LeaseFixture {
  /** The process's clock. Its offset from the server's clock does not matter. */
  nowMs = 5_000_000;
  /** Receipts of the units that were returned to the server. */
  readonly returned: Receipt[] = [];
  /** Requests since the last `onlyRequest`. */
  readonly requests: GrantRequest[] = [];
  /** The waiting callers that were notified, with the failure if there was any. */
  readonly notified: string[] = [];
  readonly leases: LeaseManager;

  constructor(maxLeases?: number) {
    const server: Pick<LeasableBackend, 'lease' | 'settle'> = {
      lease: (target, wanted) => this.#lease(target, wanted),
      settle: (receipt) => {
        this.returned.push(receipt);
      },
    };
    this.leases = new LeaseManager(server, new UnitReturns(server), { now: () => this.nowMs }, maxLeases);
  }

  /** Spends a charge. Returns the units that the lease holds then, or why it does not cover the charge. */
  take(cost: number, subject = 'ada', of = policy): number | 'denied' | 'unknown' {
    const asked = charge(cost, subject, of);
    const lease = this.leases.take(asked, this.nowMs);
    if (lease !== undefined) return lease.held;
    return this.leases.isDenied(asked, this.nowMs) ? 'denied' : 'unknown';
  }

  request(cost: number, who = 'a', subject = 'ada', of = policy): void {
    this.leases.request(charge(cost, subject, of), {
      granted: () => void this.notified.push(who),
      fail: (error) => void this.notified.push(`${who}: ${error}`),
    });
  }

  putBack(units: number, at: number, of = policy): boolean {
    return this.leases.putBack({ policy: of, subject: 'ada' }, at, units);
  }

  /** The one request that was made since the last call of this method. */
  onlyRequest(): GrantRequest {
    const [request, ...others] = this.requests.splice(0);
    if (request === undefined || others.length > 0) {
      throw new Error(`Expected one request, got ${others.length + (request ? 1 : 0)}`);
    }
    return request;
  }

  /** Gives a subject a lease that holds units. */
  async hold(subject: string, units = 10): Promise<void> {
    this.request(1, subject, subject);
    await this.onlyRequest().answer(grant(units));
  }

  #lease(target: Target, wanted: number): Promise<Grant> {
    return new Promise((resolve, reject) => {
      this.requests.push({
        ...target,
        wanted,
        answer: async (grant) => {
          resolve(grant);
          await turns();
        },
        fail: async (error) => {
          reject(error);
          await turns();
        },
      });
    });
  }
}
