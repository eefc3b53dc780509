import type { Awaitable } from '../../core/awaitable.js';
import { type Clock, systemClock } from '../../core/clock.js';
import { type Charge, isCost, type Outcome, type Receipt } from '../../core/decision.js';
import { assertKnownMembers, invalidValue } from '../../core/errors.js';
import type { Strategy } from '../../strategies/strategy.js';
import type { Backend, Target } from '../backend.js';
import type { BackendEvent } from '../backend-events.js';
import { DENIAL_CACHE_MS, DenialCache, MAX_DENIALS } from '../resilience/denial-cache.js';
import { assertSettlement } from '../settlement.js';
import { LeaseManager } from './lease-manager.js';
import { isLeased, LeasedCalls } from './leased-calls.js';
import { assertLeasingOptions, type LeasingOptions } from './leasing-options.js';

const PLACE = 'LeasingBackend';

/** A backend that has `lease`. */
export type LeasableBackend = Backend & Required<Pick<Backend, 'lease'>>;

/** Whether a backend has units to lease. */
export function canLease(backend: Backend): backend is LeasableBackend {
  return backend?.remote === true && backend.lease !== undefined;
}

/**
 * A remote backend that can lease, and its leases: a charge of a policy with a `lease` that is covered by units held in this
 * process is decided at once, and its answer is no promise. All other charges are the backend's.
 *
 * In each window no more than the limit is spent, all processes together: see `Leases`. What a process holds when it ends
 * without `close`, or when the window ends, is spent by nobody. Where a machine is suspended and its monotonic clock stands
 * still, what it holds counts for longer by that time.
 *
 * @example
 * const backend = new LeasingBackend(new MyStore());   // a RedisBackend is one by itself
 */
export class LeasingBackend implements Backend {
  readonly remote = true;
  readonly #leases: LeaseManager;
  readonly #spender: LeasedCalls;
  /** Of calls that are leased in part: what else they are charged costs no round trip when they are denied again. */
  readonly #denials: DenialCache;
  #isClosed = false;

  /** @throws ThrottleConfigError for an option that does not fit, and for a backend that has nothing to lease */
  constructor(
    private readonly backend: LeasableBackend,
    options: LeasingOptions = {},
  ) {
    if (!canLease(backend)) throw invalidValue(`${PLACE}: backend`, 'a remote backend with `lease`', backend);
    assertKnownMembers(PLACE, options, ['timeoutMs', 'denyMemoryMs', 'maxDenials']);
    assertLeasingOptions(PLACE, options);
    const { timeoutMs = Number.POSITIVE_INFINITY, denyMemoryMs = DENIAL_CACHE_MS, maxDenials = MAX_DENIALS } = options;
    const now = () => this.clock.now();
    const giveBack = (receipt: Receipt) => void this.#giveBack(receipt);
    const grant = async (policy: Charge['policy'], subject: string, wanted: number) =>
      backend.lease({ policy, subject }, wanted);
    this.#leases = new LeaseManager({ now, grant, giveBack });
    const isClosed = () => this.#isClosed;
    this.#spender = new LeasedCalls({ backend, leases: this.#leases, giveBack, now, isClosed, timeoutMs });
    this.#denials = new DenialCache(denyMemoryMs, maxDenials, this.clock);
  }

  get clock(): Clock {
    return this.backend.clock ?? systemClock;
  }

  spend(charges: readonly Charge[]): Awaitable<Outcome> {
    const known = this.#spender.spendOne(charges);
    if (known !== undefined) return known;
    let here = 0;
    for (const charge of charges) {
      if (!isCost(charge.cost)) return this.backend.spend(charges);
      if (this.#spender.isSpentHere(charge)) here += 1;
    }
    if (here === 0 || this.#isClosed) return this.backend.spend(charges);
    if (here === charges.length) return this.#spender.spend(charges);
    return this.#denials.get(charges) ?? this.#spendInPart(charges);
  }

  peek(charges: readonly Charge[]): Awaitable<Outcome> {
    if (!charges.some(isLeased) || !charges.every(({ cost }) => isCost(cost))) return this.backend.peek(charges);
    return this.#spender.peek(charges);
  }

  /** What was spent of a lease is put back to it; where it is held no more, and its window may last, the server is told. */
  async settle(receipt: Receipt, costs: readonly number[]): Promise<void> {
    const { charges, at, instants } = receipt;
    this.#denials.invalidate(charges);
    if (!charges.some(isLeased)) return this.backend.settle(receipt, costs);
    assertSettlement(receipt, costs);
    const asked: Awaitable<void>[] = [];
    const rest = [...charges.keys()].filter((i) => {
      const charge = charges[i];
      if (charge === undefined || !isLeased(charge)) return true;
      const { policy, subject, cost } = charge;
      const to = costs[i] ?? cost;
      const of = instants?.[i] ?? at;
      if (to < cost && !this.#leases.putBack(policy, subject, of, cost - to))
        asked.push(this.backend.settle({ at: of, charges: [charge] }, [to]));
      return false;
    });
    if (rest.length > 0) {
      const pick = <T>(list: readonly T[]) => rest.flatMap((i) => list[i] ?? []);
      const taken = { at, charges: pick(charges), ...(instants && { instants: pick(instants) }) };
      asked.push(this.backend.settle(taken, pick(costs)));
    }
    await Promise.all(asked);
  }

  /** What other processes hold stays theirs until the window ends. */
  async reset(targets: readonly Target[]): Promise<void> {
    this.#denials.invalidate(targets);
    for (const { policy, subject } of targets) this.#leases.discard(policy.id, subject);
    await this.backend.reset(targets);
  }

  async probe(charges: readonly Charge[]): Promise<void> {
    if (this.backend.probe === undefined) await this.backend.peek(charges);
    else await this.backend.probe(charges);
  }

  use(strategies: readonly Strategy[]): void {
    this.backend.use?.(strategies);
  }

  listen(listener: (event: BackendEvent) => void): void {
    this.backend.listen?.(listener);
  }

  async warnings(): Promise<readonly string[]> {
    return (await this.backend.warnings?.()) ?? [];
  }

  /** Gives back what nobody has spent, within the backend's deadline. Where it fails the units are lost until the window ends. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#leases.whenIdle();
    await Promise.all(this.#leases.takeAll().map((receipt) => this.#giveBack(receipt)));
    await this.backend.close?.();
  }

  async #spendInPart(charges: readonly Charge[]): Promise<Outcome> {
    const { epoch } = this.#denials;
    const askedMs = this.clock.now();
    const outcome = await this.#spender.answerOf(charges);
    this.#denials.learn(charges, outcome, askedMs, epoch);
    return outcome;
  }

  async #giveBack(receipt: Receipt): Promise<void> {
    try {
      await this.backend.settle(
        receipt,
        receipt.charges.map(() => 0),
      );
    } catch {
      // Nobody waits for it, and it is never counted twice.
    }
  }
}
