import type { Grant } from '../../../src/backends/backend.js';
import { LeaseManager } from '../../../src/backends/leasing/lease-manager.js';
import type { Receipt } from '../../../src/core/decision.js';
import { definePolicy, type Policy } from '../../../src/index.js';

export const MINUTE = 60_000;
export const WINDOW = Date.UTC(2026, 0, 1);
export const make = (limit: number, batch: number, name = 'p') =>
  definePolicy(name, { rate: `${limit}/min`, strategy: 'fixed-window', lease: { batch } });
export const policy = make(100, 10);

/** A request for units, which the test answers. */
export interface Asked {
  readonly policy: Policy;
  readonly subject: string;
  readonly wanted: number;
  answer(grant: Grant): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** What the server answers at an instant, 10 seconds into a window unless told. */
export const grant = (granted: number, remaining = 90, at = WINDOW + 10_000): Grant => ({
  granted,
  remaining,
  at,
  endsInMs: Math.floor(at / MINUTE) * MINUTE + MINUTE - at,
});

/** Lets what waits for promises go on. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

/** Leases of a process, whose clock and server are the test's. */
export class Desk {
  /** Of a clock of its own: what the server's shows is of no importance to it. */
  now = 5_000_000;
  readonly given: Receipt[] = [];
  readonly asked: Asked[] = [];
  /** Who was woken, with the failure if there was any. */
  readonly woken: string[] = [];
  readonly leases: LeaseManager;

  constructor(maxKeys?: number) {
    const source = {
      now: () => this.now,
      giveBack: (receipt: Receipt) => void this.given.push(receipt),
      grant: (policy: Policy, subject: string, wanted: number) =>
        new Promise<Grant>((resolve, reject) => {
          const answer = async (grant: Grant) => {
            resolve(grant);
            await turns();
          };
          const fail = async (error: Error) => {
            reject(error);
            await turns();
          };
          this.asked.push({ policy, subject, wanted, answer, fail });
        }),
    };
    this.leases = new LeaseManager(source, maxKeys);
  }

  /** Spends, and says what is held then. */
  take(cost: number, subject = 'ada', of = policy): number | 'denied' | 'unknown' {
    const lease = this.leases.take(of, subject, cost, this.now);
    return typeof lease === 'string' ? lease : lease.held;
  }

  ask(cost: number, who = 'a', subject = 'ada', of = policy): void {
    this.leases.request(of, subject, cost, (failure) => {
      this.woken.push(`${who}${failure ? `: ${failure.error}` : ''}`);
    });
  }

  /** The one request that was made since it was last asked for. */
  only(): Asked {
    const [one, ...others] = this.asked.splice(0);
    if (one === undefined || others.length > 0)
      throw new Error(`Expected one request, got ${others.length + (one ? 1 : 0)}`);
    return one;
  }

  /** Has a subject hold units of its own. */
  async hold(subject: string, units = 10): Promise<void> {
    this.ask(1, subject, subject);
    await this.only().answer(grant(units));
  }
}
