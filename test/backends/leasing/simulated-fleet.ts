import type { Grant } from '../../../src/backends/backend.js';
import { LeaseManager } from '../../../src/backends/leasing/lease-manager.js';
import { orReturnLate } from '../../../src/backends/resilience/with-deadline.js';
import type { Receipt } from '../../../src/core/decision.js';
import type { Policy } from '../../../src/core/policy.js';
import { fixedWindow } from '../../../src/strategies/fixed-window.js';
import type { State } from '../../../src/strategies/strategy.js';

/** Events in simulated time: true time, which the server's clock shows. */
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

  /** Runs all that happens, in order, each once what it set going has come to rest. */
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

/** A server that counts by the strategy itself, and what it has granted and taken back, by windows. */
export class Server {
  state: State = [];
  readonly granted = new Map<number, number>();
  readonly givenBack = new Map<number, number>();

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

  giveBack({ at, charges }: Receipt): void {
    for (const { cost, policy } of charges) {
      const after = fixedWindow.amend(this.state, Math.floor(this.world.now), policy, at, cost, 0);
      if (after !== this.state) add(this.givenBack, Math.floor(at / policy.periodMs), cost);
      this.state = after;
    }
  }
}

/** How a request fares: ms on the way there and back; lost on the way there, or back. */
export interface Fate {
  readonly thereMs: number;
  readonly backMs: number;
  readonly isLost?: 'there' | 'back';
}

export interface ProcessOptions {
  readonly offsetMs: number;
  /** Of its clock, to the server's: 0.999 to 1.001. */
  readonly rate: number;
  readonly timeoutMs: number;
  readonly fate: () => Fate;
}

/** A process: its clock, its leases, its way to the server. */
export class Process {
  leases: LeaseManager;
  readonly #startedMs: number;

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

  /** It ends without a word, and another begins. What was on its way to it comes to nobody. */
  crash(): void {
    this.leases = this.#start();
  }

  #start(): LeaseManager {
    const { world, server, options } = this;
    const send = (run: () => void) => {
      const { thereMs, isLost } = options.fate();
      if (isLost !== 'there') world.at(world.now + thereMs, run);
    };
    const giveBack = (receipt: Receipt) => send(() => server.giveBack(receipt));
    return new LeaseManager({
      now: () => this.now(),
      giveBack,
      grant: (policy, subject, wanted) => {
        const { thereMs, backMs, isLost } = options.fate();
        const reply = new Promise<Grant>((resolve) => {
          if (isLost === 'there') return;
          world.at(world.now + thereMs, () => {
            const grant = server.grant(wanted);
            if (isLost !== 'back') world.at(world.now + backMs, () => resolve(grant));
          });
        });
        const late = new Promise<never>((_, reject) =>
          world.at(world.now + options.timeoutMs, () => reject(new Error('late'))),
        );
        return orReturnLate(
          reply,
          (grant) => Promise.race([grant, late]),
          ({ at, granted }) => granted > 0 && giveBack({ at, charges: [{ policy, subject, cost: granted }] }),
        );
      },
    });
  }
}

export function add(map: Map<number, number>, key: number, units: number): void {
  map.set(key, (map.get(key) ?? 0) + units);
}
