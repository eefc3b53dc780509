import { type Awaitable, isPromise } from '../../core/awaitable.js';
import { type Charge, isCost, type Outcome, type Receipt } from '../../core/decision.js';
import type { Backend, Target } from '../backend.js';
import { type Deadlined, DeadlineQueue } from '../resilience/deadline-queue.js';
import { allowedBy } from './lease-decision.js';
import type { LeaseManager } from './lease-manager.js';
import { peekLeased } from './lease-peek.js';
import { type LeaseReservation, reserveLeased, Shortfall } from './lease-reservation.js';

/** Longer subjects are not worth their room: the backend decides each of their charges. */
const MAX_SUBJECT = 256;

/** Whether a charge is one of those that are spent from leases. */
export function isLeased({ policy, subject }: Target): boolean {
  return policy.lease !== undefined && subject.length <= MAX_SUBJECT;
}

/** A call that waits for a grant. */
interface Call extends Deadlined {
  readonly charges: readonly Charge[];
  readonly answer: (outcome: Outcome) => void;
  /** It has been answered, or has failed: nothing is to be taken for it any more. */
  isOver: boolean;
}

export interface SpenderOptions {
  readonly backend: Pick<Backend, 'spend' | 'peek'>;
  readonly leases: LeaseManager;
  readonly giveBack: (receipt: Receipt) => void;
  readonly now: () => number;
  /** Whether nothing is leased any more. */
  readonly isClosed: () => boolean;
  /** How long a call waits at most. */
  readonly timeoutMs: number;
}

/** Decides calls of which some charges, or all, are leased: all or none. */
export class LeasedCalls {
  readonly #deadlines: DeadlineQueue;

  constructor(private readonly options: SpenderOptions) {
    this.#deadlines = new DeadlineQueue(options.timeoutMs);
  }

  /** Whether a charge is spent here. A cost of 0 is told from what is held, where anything is. */
  isSpentHere(charge: Charge): boolean {
    if (!isLeased(charge)) return false;
    const { leases, now } = this.options;
    if (charge.cost > 0) return true;
    const lease = leases.find(charge.policy, charge.subject);
    return lease !== undefined && now() < lease.validUntilMs;
  }

  peek(charges: readonly Charge[], at = this.options.now()): Awaitable<Outcome> {
    const { backend, leases } = this.options;
    return peekLeased(charges, backend, leases, isLeased, at);
  }

  /** What most calls come to, without lists and closures: nothing where what is held does not cover it. */
  spendOne(charges: readonly Charge[]): Outcome | undefined {
    const [only] = charges;
    if (only?.policy.lease === undefined || charges.length > 1 || !isCost(only.cost) || only.cost === 0)
      return undefined;
    const { policy, subject, cost } = only;
    const { leases, now } = this.options;
    const at = now();
    const lease = leases.take(policy, subject, cost, at);
    if (typeof lease === 'string') return undefined;
    const decision = allowedBy(lease, at);
    return { allowed: true, decisions: [decision], binding: decision, receipt: { at: lease.at, charges } };
  }

  /** All of whose charges are spent here: at once, where what is held covers them. */
  spend(charges: readonly Charge[]): Awaitable<Outcome> {
    const found = this.#look(charges);
    return found instanceof Shortfall ? this.answerOf(charges) : found;
  }

  /** The answer to a call that has to wait, within the time. */
  answerOf(charges: readonly Charge[]): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const end = () => {
        call.isOver = true;
        this.#deadlines.remove(call);
      };
      const call: Call = {
        charges,
        isOver: false,
        answer: (outcome) => {
          end();
          resolve(outcome);
        },
        fail: (error) => {
          end();
          reject(error);
        },
      };
      this.#deadlines.add(call);
      this.#retry(call);
    });
  }

  #retry(call: Call): void {
    if (call.isOver) return;
    const { backend, leases, isClosed } = this.options;
    const found = isClosed() ? backend.spend(call.charges) : this.#look(call.charges, call);
    if (found instanceof Shortfall) {
      const { policy, subject, cost } = found.charge;
      leases.request(policy, subject, cost, (failure) => {
        if (failure === undefined) this.#retry(call);
        else call.fail(failure.error);
      });
    } else if (isPromise(found)) {
      found.then(call.answer, call.fail);
    } else {
      call.answer(found);
    }
  }

  /** Looks at what is held: the answer, or what the server has to be asked for. */
  #look(charges: readonly Charge[], call?: Call): Awaitable<Outcome> | Shortfall {
    const known = this.spendOne(charges);
    if (known !== undefined) return known;
    const { leases, giveBack, now } = this.options;
    const at = now();
    const taken = reserveLeased(charges, leases, (charge) => this.isSpentHere(charge), giveBack, at);
    // As of the same instant: a millisecond later it might be allowed, and nothing has been taken for it.
    if (taken instanceof Shortfall) return taken.isDenied ? this.peek(charges, at) : taken;
    return taken.decisions.includes(undefined) ? this.#withRest(taken, call) : taken.outcome();
  }

  /** The charges of a call that are not leased, once the others are taken. */
  async #withRest(taken: LeaseReservation, call: Call | undefined): Promise<Outcome> {
    const { backend, leases, giveBack } = this.options;
    try {
      const outcome = await backend.spend(taken.charges.filter((_, i) => taken.decisions[i] === undefined));
      // Nobody waits for the answer any more.
      if (call?.isOver && outcome.receipt !== undefined) giveBack(outcome.receipt);
      if (call?.isOver || !outcome.allowed) taken.rollback(leases, giveBack);
      return taken.outcome(outcome);
    } catch (error) {
      taken.rollback(leases, giveBack);
      throw error;
    }
  }
}
