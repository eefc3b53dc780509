import { AsyncResource } from 'node:async_hooks';
import type { Clock } from '../../core/clock.js';
import type { Charge } from '../../core/decision.js';
import type { Emitter } from '../../core/emitter.js';
import type { Backend, Target } from '../backend.js';
import type { BackendError } from '../backend-error.js';
import type { BackendEvent, DegradedDomains } from '../backend-events.js';
import { FailureDomain } from './failure-domain.js';

/** The maximum number of error codes that are counted separately. A server has few of them. */
const MAX_CODES = 100;

/**
 * Milliseconds after which the table looks for probes that are due, so that an outage also ends if no calls arrive. A
 * fraction of the second between two probes.
 */
const LOOK_INTERVAL_MS = 250;

/** The part of a backend that returns its domains, and that is probed. */
type Probed = Pick<Backend, 'domains'> & { probe(charges: readonly Charge[]): Promise<void> };

/**
 * The failure domains of a backend, each with a circuit breaker: one for the whole backend if it names none. A domain
 * that the backend no longer has is dropped with its breaker; if that was open, its outage is over.
 */
export class FailureDomainTable {
  readonly #domains = new Map<string, FailureDomain>();
  readonly #open = new Set<FailureDomain>();
  /** Calls, refunds and resets that failed, by the code of the error. */
  readonly failures: ReadonlyMap<string, number>;
  readonly #failures = new Map<string, number>();
  #whole: FailureDomain;
  /** Created outside of any call, so that the timer keeps the context of no call alive. */
  readonly #startTimer = AsyncResource.bind(() => setInterval(() => this.probe(), LOOK_INTERVAL_MS).unref());
  /** Runs while a breaker is open. */
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param clock for probes: monotonic, real time */
  constructor(
    private readonly backend: Probed,
    private readonly events: Emitter<BackendEvent>,
    private readonly clock?: Pick<Clock, 'now'>,
  ) {
    this.failures = this.#failures;
    this.#whole = this.#newDomain(undefined);
  }

  /** Returns the domains that hold these budgets. */
  of(targets: readonly Target[]): readonly FailureDomain[] {
    const names = this.backend.domains?.of(targets);
    if (names === undefined) return this.#whole.alone;
    const [first] = names;
    if (names.length === 1 && first !== undefined) return this.#named(first).alone;
    return names.map((name) => this.#named(name));
  }

  /** Milliseconds until all domains whose breaker is open have been probed again; 0 if none is open. */
  get retryAfterMs(): number {
    let waitMs = 0;
    for (const { breaker } of this.#open) waitMs = Math.max(waitMs, breaker.retryAfterMs);
    return waitMs;
  }

  /** Probes the domains that are due. No caller waits for a probe, and it charges nothing. */
  probe(): void {
    if (this.#open.size === 0) return;
    for (const domain of this.#open) {
      // A domain without these charges has been replaced, or their slots have moved: others decide them now.
      domain.breaker.tryProbe(async () => {
        const charges = this.#chargesIn(domain);
        if (charges.length > 0 || domain.name === undefined) await this.backend.probe(charges);
      });
    }
  }

  /** Stops the timer. From then on, only calls probe. */
  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Notes that a call failed on these domains: on all of them, unless the error names one. */
  failed(domains: readonly FailureDomain[], error: BackendError, charges: readonly Charge[]): void {
    this.count(error);
    for (const domain of domains) {
      if (error.domain === undefined || domain.name === error.domain) domain.failed(error, charges);
    }
  }

  /** Counts a failure. */
  count({ code }: BackendError): void {
    const name = this.#failures.has(code) || this.#failures.size < MAX_CODES ? code : 'OTHER';
    this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
  }

  #chargesIn({ name, failedCharges }: FailureDomain): readonly Charge[] {
    const { domains } = this.backend;
    if (name === undefined || domains === undefined) return failedCharges;
    return failedCharges.filter((charge) => domains.of([charge]).includes(name));
  }

  #named(name: string): FailureDomain {
    let domain = this.#domains.get(name);
    if (domain === undefined) {
      this.#dropReplaced();
      domain = this.#newDomain(name);
      this.#domains.set(name, domain);
    }
    return domain;
  }

  /** Drops the domains that no longer exist. Those with an open breaker are dropped at its next probe. */
  #dropReplaced(): void {
    const names = new Set(this.backend.domains?.all());
    for (const [name, { breaker }] of this.#domains) {
      if (!names.has(name) && !breaker.isOpen) this.#domains.delete(name);
    }
  }

  #newDomain(name: string | undefined): FailureDomain {
    const domain: FailureDomain = new FailureDomain(
      name,
      {
        failed: ({ code, message, transient }) =>
          this.events.emit({ type: 'failed', code, message, transient, ...(name !== undefined && { domain: name }) }),
        degraded: ({ code, message }) => {
          this.#open.add(domain);
          if (!this.#isClosed) this.#timer ??= this.#startTimer();
          this.events.emit({ type: 'degraded', code, message, ...this.#extent(name) });
        },
        recovered: () => {
          this.#open.delete(domain);
          if (this.#open.size === 0) this.#stopTimer();
          if (name === undefined) this.#whole = this.#newDomain(undefined);
          else this.#domains.delete(name);
          this.events.emit({ type: 'recovered', ...this.#extent(name) });
        },
      },
      this.clock,
    );
    return domain;
  }

  /** Says which domain an event is of, and how many are unavailable. Nothing if the backend has none. */
  #extent(domain: string | undefined): Partial<DegradedDomains> {
    if (domain === undefined) return {};
    const unavailable = [...this.#open].flatMap(({ name }) => name ?? []);
    return { domain, unavailable, of: this.backend.domains?.all().length ?? 0 };
  }
}
