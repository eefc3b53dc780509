import type { Awaitable } from '../../core/awaitable.js';
import { assertCharge } from '../../core/charge-checks.js';
import { systemClock } from '../../core/clock.js';
import { type Charge, isCost, type Outcome, type Receipt } from '../../core/decision.js';
import { Emitter } from '../../core/emitter.js';
import { assertKnownMembers, invalidValue } from '../../core/errors.js';
import { isOriginal } from '../../core/receipt.js';
import type { Backend, Target } from '../backend.js';
import { failureIn } from '../backend-error.js';
import type { BackendEvent } from '../backend-events.js';
import { BackendLayer } from '../backend-layer.js';
import { DENIAL_CACHE_MS, DenialCache, MAX_DENIALS } from '../resilience/denial-cache.js';
import { DenialDroppingSettings } from '../resilience/denial-dropping-settings.js';
import { beginSettlement } from '../settlement.js';
import { UnitReturns } from '../unit-returns.js';
import { isLeased } from './lease.js';
import { LeaseManager } from './lease-manager.js';
import { peekLeased } from './lease-peek.js';
import { settleLeased } from './lease-settlement.js';
import { LeasedCalls } from './leased-calls.js';
import { assertLeasingOptions, type LeasingOptions } from './leasing-options.js';

const PATH = 'LeasingBackend';

/** A backend with the method `lease`. */
export type LeasableBackend = Backend & Required<Pick<Backend, 'lease'>>;

/** Returns true if a backend has units to lease. */
export function canLease(backend: Backend): backend is LeasableBackend {
  return backend?.remote === true && backend.lease !== undefined;
}

/**
 * Adds leasing to a remote backend: a charge of a policy with a `lease` that is covered by units held in this process
 * is decided at once, without a promise. The backend decides all other charges.
 *
 * In each window at most the limit is spent by all processes together: see `LeaseManager`. Units that a process holds
 * when it ends without `close`, or when the window ends, are lost. If a machine is suspended and its monotonic clock
 * stops, the units that it holds count for longer by that time.
 *
 * @example
 * const backend = new LeasingBackend(new MyStore());   // a RedisBackend already is one
 */
export class LeasingBackend extends BackendLayer<LeasableBackend> {
  readonly #returns: UnitReturns;
  readonly #leases: LeaseManager;
  readonly #calls: LeasedCalls;
  /** Denials of partly leased calls, so that repeating such a call costs no round trip for its other charges. */
  readonly #denials: DenialCache;
  readonly #events = new Emitter<BackendEvent>();
  /** Units that could not be returned since the process began to close, and the last reason. */
  #lost = { units: 0, code: '' };

  /** @throws ThrottleConfigError for an invalid option, and for a backend that cannot lease */
  constructor(backend: LeasableBackend, options: LeasingOptions = {}) {
    if (!canLease(backend))
      throw invalidValue(`${PATH}: backend`, 'a remote backend with `lease`', backend, 'SLUICE_INVALID_BACKEND');
    assertKnownMembers(PATH, options, ['timeoutMs', 'denyMemoryMs', 'maxDenials']);
    assertLeasingOptions(PATH, options);
    const { timeoutMs = Number.POSITIVE_INFINITY, denyMemoryMs = DENIAL_CACHE_MS, maxDenials = MAX_DENIALS } = options;
    const denials = new DenialCache(denyMemoryMs, maxDenials, backend.clock ?? systemClock);
    // Units are leased once: a layer around this one has none to lease.
    super(backend, { lease: false, around: (settings) => new DenialDroppingSettings(settings, denials) });
    const { clock } = this;
    this.#returns = new UnitReturns(backend, (units, error) => {
      this.#lost = { units: this.#lost.units + units, code: failureIn(error)?.code ?? 'UNKNOWN' };
    });
    this.#leases = new LeaseManager(backend, this.#returns, clock);
    this.#calls = new LeasedCalls(backend, this.#leases, this.#returns, clock, timeoutMs);
    this.#denials = denials;
  }

  override spend(charges: readonly Charge[]): Awaitable<Outcome> {
    const covered = this.#calls.spendCovered(charges);
    if (covered !== undefined) return covered;
    const count = this.#countSpentHere(charges);
    if (count === 0 || this.#leases.isClosed) return this.inner.spend(charges);
    return count === charges.length ? this.#calls.spend(charges) : this.#spendMixed(charges);
  }

  override peek(charges: readonly Charge[]): Awaitable<Outcome> {
    if (!charges.some(isLeased) || !charges.every(({ cost }) => isCost(cost))) return this.inner.peek(charges);
    for (const charge of charges) assertCharge(charge);
    return peekLeased(charges, this.inner, this.#leases, this.clock.now());
  }

  /**
   * Puts units of leased charges back into their leases. The backend settles the other charges, those of lost leases,
   * and what costs more than was taken. The backend also settles receipts that this layer did not create.
   */
  override async settle(receipt: Receipt, costs: readonly number[]): Promise<void> {
    this.#denials.invalidate(receipt.charges);
    if (!receipt.charges.some(isLeased) || !isOriginal(receipt)) return this.inner.settle(receipt, costs);
    if (!beginSettlement(receipt, costs)) return;
    const remote = settleLeased({ receipt, costs }, this.#leases);
    await Promise.all(remote.map((settlement) => this.inner.settle(settlement.receipt, settlement.costs)));
  }

  /** Units held by other processes can be spent until their window ends. */
  override async reset(targets: readonly Target[]): Promise<void> {
    this.#denials.invalidate(targets);
    for (const target of targets) this.#leases.discard(target);
    await this.inner.reset(targets);
  }

  override listen(listener: (event: BackendEvent) => void): void {
    this.#events.listen(listener);
    super.listen(listener);
  }

  /**
   * Returns all unspent units, within the backend's deadline, and leases no more. If that fails, they are lost until
   * their window ends: `lost` is emitted.
   */
  override async returnLeases(): Promise<void> {
    this.#lost = { units: 0, code: '' };
    await this.#leases.close();
    await this.#returns.whenIdle();
    const { units, code } = this.#lost;
    if (units > 0) this.#events.emit({ type: 'lost', what: 'lease', code, units });
    await super.returnLeases();
  }

  override async close(): Promise<void> {
    await this.returnLeases();
    await super.close();
  }

  /** Counts the charges that are spent from leases; 0 if a cost is invalid, so that the backend rejects the call. */
  #countSpentHere(charges: readonly Charge[]): number {
    let count = 0;
    for (const charge of charges) {
      if (!isCost(charge.cost)) return 0;
      if (charge.policy.lease !== undefined) assertCharge(charge);
      if (this.#leases.isSpentHere(charge)) count += 1;
    }
    return count;
  }

  /** Decides a call that is leased in part. */
  #spendMixed(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.#denials.get(charges) ?? this.#spendAndLearn(charges);
  }

  async #spendAndLearn(charges: readonly Charge[]): Promise<Outcome> {
    const started = this.#denials.startCall();
    const outcome = await this.#calls.spendInTime(charges);
    started.learn(charges, outcome);
    return outcome;
  }
}
