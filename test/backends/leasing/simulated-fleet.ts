import type { Backend, Grant, Target } from '../../../src/backends/backend.js';
import { LeaseManager } from '../../../src/backends/leasing/lease-manager.js';
import { orReturnLate } from '../../../src/backends/resilience/with-deadline.js';
import { UnitReturns } from '../../../src/backends/unit-returns.js';
import type { Receipt } from '../../../src/core/decision.js';
import type { Policy } from '../../../src/core/policy.js';
import { fixedWindow } from '../../../src/strategies/fixed-window.js';
import type { State } from '../../../src/strategies/strategy.js';

/** A queue of events in simulated time, which is the true time and that of the server's clock. */
export class World {
  now: number;
  readonly #events: { readonly at: number; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;

  constructor(startMs: number) {
    this.now = startMs;
  }

  at(at: number, run: () => void): void {
    this.#events.push({ at, order: this.#order++, run });
  }

  /** Runs all events in order. The promises that an event settles are awaited before the next event. */
  async run(): Promise<void> {
    while (this.#events.length > 0) {
      this.#events.sort((a, b) => a.at - b.at || a.order - b.order);
      const event = this.#events.shift();
      if (event === undefined) return;
      this.now = Math.max(this.now, event.at);
      event.run();
      for (let i = 0; i < 12; i++) await Promise.resolve();
    }
  }
}

/** A server that counts with the strategy itself, and records the units granted and returned by window. */
export class Server {
  state: State = [];
  readonly granted = new Map<number, number>();
  readonly returned = new Map<number, number>();

  constructor(
    private readonly world: World,
    private readonly policy: Policy,
  ) {}

  grant(wanted: number): Grant {
    const at = Math.floor(this.world.now);
    const { remaining } = fixedWindow.step(this.state, at, this.policy, 0).decision;
    const granted = Math.min(wanted, remaining);
    const { state, decision } = fixedWindow.step(this.state, at, this.policy, granted);
    this.state = state;
    const window = Math.floor(at / this.policy.periodMs);
    add(this.granted, window, granted);
    return { granted, remaining: decision.remaining, at, endsInMs: decision.resetMs };
  }

  takeBack({ at, charges }: Receipt): void {
    for (const { cost, policy } of charges) {
      const after = fixedWindow.amend(this.state, Math.floor(this.world.now), policy, at, cost, 0);
      if (after !== this.state) add(this.returned, Math.floor(at / policy.periodMs), cost);
      this.state = after;
    }
  }
}

/** The latencies of a request and its reply, and which of the two is lost. */
export interface Delivery {
  readonly thereMs: number;
  readonly backMs: number;
  readonly isLost?: 'there' | 'back';
}

export interface ProcessOptions {
  readonly offsetMs: number;
  /** The rate of its clock relative to the server's: 0.999 to 1.001. */
  readonly rate: number;
  readonly timeoutMs: number;
  readonly delivery: () => Delivery;
}

/** A process: its clock, its leases and its network. It is the backend that its leases ask. */
export class Process implements Required<Pick<Backend, 'lease' | 'settle'>> {
  leases: LeaseManager;
  readonly #startedMs: number;
  readonly #returns = new UnitReturns(this);

  constructor(
    private readonly world: World,
    private readonly server: Server,
    private readonly options: ProcessOptions,
  ) {
    this.#startedMs = world.now;
    this.leases = this.#start();
  }

  now(): number {
    const { offsetMs, rate } = this.options;
    return Math.floor(this.#startedMs + offsetMs + (this.world.now - this.#startedMs) * rate);
  }

  /** Ends without closing, and restarts. Replies to the old process are ignored by the new one. */
  crash(): void {
    this.leases = this.#start();
  }

  lease(target: Target, wanted: number): Promise<Grant> {
    const { world, server, options } = this;
    const { thereMs, backMs, isLost } = options.delivery();
    const reply = new Promise<Grant>((resolve) => {
      if (isLost === 'there') return;
      world.at(world.now + thereMs, () => {
        const grant = server.grant(wanted);
        if (isLost !== 'back') world.at(world.now + backMs, () => resolve(grant));
      });
    });
    const timeout = new Promise<never>((_, reject) =>
      world.at(world.now + options.timeoutMs, () => reject(new Error('late'))),
    );
    return orReturnLate(
      reply,
      (grant) => Promise.race([grant, timeout]),
      ({ at, granted }) => granted > 0 && this.#returns.start({ at, charges: [{ ...target, cost: granted }] }),
    );
  }

  settle(receipt: Receipt): void {
    const { thereMs, isLost } = this.options.delivery();
    if (isLost !== 'there') this.world.at(this.world.now + thereMs, () => this.server.takeBack(receipt));
  }

  #start(): LeaseManager {
    return new LeaseManager(this, this.#returns, this);
  }
}

export function add(map: Map<number, number>, key: number, units: number): void {
  map.set(key, (map.get(key) ?? 0) + units);
}
