import {
  bindingOf,
  type Charge,
  type Decision,
  isMonitored,
  type Outcome,
  type StartedBlock,
  unlimitedDecision,
  withMembers,
  withReason,
} from '../../../core/decision.js';
import type { Policy, StoredRate } from '../../../core/policy.js';
import { receiptOf } from '../../../core/receipt.js';
import { type Quota, quotaOf } from '../../../strategies/built-in-strategies.js';
import { reachedBetween } from '../../../strategies/calendar/thresholds.js';
import type { DecideMode } from '../../remote-store.js';
import type { OverrideTarget } from '../../settings-store.js';
import { type CallVerdict, unexpectedReply } from './call-verdict.js';
import { isOverridable, type PreparedCharge, takenCharge } from './override-lookup.js';

/** One call of a batch, as the scripts receive it. */
export interface BatchedCall {
  readonly charges: readonly PreparedCharge[];
  readonly mode: DecideMode;
  /** In the server's milliseconds. A peek writes nothing and is never late. */
  readonly deadlineMs: number;
}

/** Status codes of one charge. */
const ALLOWED = 1;
const DENIED = 2;
const FULL = 3;
/** Status codes of a call that is not decided. */
const LATE = 4;
const FOREIGN_VALUE = 5;
const UNDECIDED = 6;
const NOT_RECORDED = 7;
/** Status codes before the decision on a charge that may be overridden. */
const OVERRIDDEN = 8;
const UNLIMITED = 9;
const UNREADABLE = 10;
/** Status code of a charge to a quota of a calendar: as FULL, and then its window. */
const QUOTA = 11;
/** Status code before the denial of a blocked subject. */
const BLOCKED = 12;

const NUMBER_BYTES = 8;
/** The server's time and the instant; from the general script then limit and window of each policy. */
const HEAD_BYTES = 2 * NUMBER_BYTES;
const POLICY_BYTES = 2 * NUMBER_BYTES;

/**
 * A reply of lua/scripts/spend.lua, spend-one.lua or spend-several.lua: the server's time, the instant, from the first
 * of them limit and window of each policy, then each call. One string, because a client takes several times as long to
 * read a list of numbers.
 */
export class SpendReply {
  /** Epoch milliseconds. */
  readonly serverMs: number;
  readonly #at: number;
  readonly #bytes: Buffer;
  readonly #end: number;
  /** True if the run was refused as late: only the scripts for plain charges refuse a whole run. */
  readonly #isLate: boolean;
  #next: number;

  /**
   * @param positions the position of each policy in the request, from 1 on; undefined for a reply that does not tell
   *   limit and window of each policy
   */
  constructor(
    reply: unknown,
    private readonly positions: ReadonlyMap<Policy, number> | undefined,
  ) {
    this.#next = HEAD_BYTES + POLICY_BYTES * (positions?.size ?? 0);
    if (!Buffer.isBuffer(reply) || reply.length < this.#next) throw unexpectedReply();
    this.#bytes = reply;
    this.#end = reply.length;
    this.#isLate = positions === undefined && reply.length === HEAD_BYTES;
    this.serverMs = reply.readDoubleLE(0);
    this.#at = reply.readDoubleLE(NUMBER_BYTES);
  }

  /**
   * Decodes the verdict of the next call of the batch.
   *
   * @throws TypeError if the reply ends before it does
   */
  next(call: BatchedCall): CallVerdict {
    // The run has one deadline, the earliest of its calls.
    if (this.#isLate) return { kind: this.serverMs > call.deadlineMs ? 'late' : 'undecided' };
    const status = this.#bytes[this.#next] ?? 0;
    if (status >= LATE && status < OVERRIDDEN) {
      this.#next += 1;
      if (status === LATE) return { kind: 'late' };
      if (status === FOREIGN_VALUE) return { kind: 'foreign-value' };
      if (status === UNDECIDED) return { kind: 'unsupported' };
      if (status === NOT_RECORDED) return { kind: 'not-recorded' };
      throw unexpectedReply();
    }
    if (!isOverridable(call.charges)) return { kind: 'decided', outcome: this.#outcome(call) };
    const unreadable: OverrideTarget[] = [];
    const outcome = this.#overridableOutcome(call, unreadable);
    return unreadable.length === 0 ? { kind: 'decided', outcome } : { kind: 'decided', outcome, unreadable };
  }

  #outcome({ charges, mode }: BatchedCall): Outcome {
    const [first] = charges;
    if (charges.length === 1 && first !== undefined && !isMonitored(first)) {
      const decision = this.#decision(first.policy);
      const { allowed } = decision;
      return allowed && mode === 'spend' && first.cost > 0
        ? { allowed, decisions: [decision], binding: decision, receipt: receiptOf(this.#at, charges) }
        : { allowed, decisions: [decision], binding: decision };
    }
    const decisions: Decision[] = [];
    let allowed = true;
    let taken = charges;
    for (let i = 0; i < charges.length; i++) {
      const charge = charges[i] as Charge;
      const decision = this.#decision(charge.policy);
      if (!isMonitored(charge)) {
        decisions.push(decision);
        allowed &&= decision.allowed;
        continue;
      }
      decisions.push(withMembers(decision, { mode: 'monitor' }));
      // A monitored charge that did not fit took nothing.
      if (!decision.allowed) taken = taken.map((one, n) => (n === i ? { ...one, cost: 0 } : one));
    }
    const binding = bindingOf(decisions);
    const isTaken = mode === 'spend' && allowed && taken.some(({ cost }) => cost > 0);
    return isTaken
      ? { allowed, decisions, binding, receipt: receiptOf(this.#at, taken) }
      : { allowed, decisions, binding };
  }

  /** @param unreadable gets the overrides that cannot be read */
  #overridableOutcome({ charges, mode }: BatchedCall, unreadable: OverrideTarget[]): Outcome {
    const decisions = charges.map((charge): Decision => {
      const decision = this.#overridableDecision(charge, unreadable);
      return isMonitored(charge) ? withMembers(decision, { mode: 'monitor' }) : decision;
    });
    const allowed = decisions.every((decision) => decision.allowed || decision.mode === 'monitor');
    const binding = bindingOf(decisions);
    if (mode === 'peek' || !allowed) return { allowed, decisions, binding };
    const taken = charges.map((charge, i) => takenCharge(charge, decisions[i] as Decision));
    return taken.some(({ cost }) => cost > 0)
      ? { allowed, decisions, binding, receipt: receiptOf(this.#at, taken) }
      : { allowed, decisions, binding };
  }

  #overridableDecision({ policy, lookup }: PreparedCharge, unreadable: OverrideTarget[]): Decision {
    for (; this.#bytes[this.#next] === UNREADABLE; this.#next += 2) {
      const subject = lookup?.subjects[(this.#bytes[this.#next + 1] ?? 0) - 1];
      if (subject !== undefined) unreadable.push({ policy: policy.name, subject });
    }
    const status = this.#bytes[this.#next];
    if (status !== OVERRIDDEN && status !== UNLIMITED) return this.#decision(policy);
    this.#next += 1;
    if (status === UNLIMITED) return unlimitedDecision(policy);
    const rate: StoredRate = {
      strategy: policy.strategy,
      limit: this.#number(),
      periodMs: this.#number(),
      burst: this.#number(),
      segments: this.#number(),
    };
    return withMembers(this.#decision(policy, rate.limit), { rate });
  }

  /** @param limitInForce that of an override, if there is one */
  #decision(policy: Policy, limitInForce = policy.limit): Decision {
    const status = this.#bytes[this.#next];
    this.#next += 1;
    if (status === FULL) return withReason(this.#fullDecision(policy), policy);
    if (status === BLOCKED) return this.#blockedDecision(policy, limitInForce);
    if (status === QUOTA) return withReason(this.#quotaDecision(policy, limitInForce), policy);
    if (status !== ALLOWED && status !== DENIED) throw unexpectedReply();
    const allowed = status === ALLOWED;
    const { limit, windowMs } =
      this.positions === undefined ? quotaOf(policy) : this.#quotaAt(this.positions.get(policy));
    // A literal is evaluated in the order of its members, which is that of the reply.
    const decision: Decision = {
      policy: policy.name,
      allowed,
      limit,
      remaining: this.#number(),
      resetMs: this.#number(),
      retryAfterMs: allowed ? 0 : waitOf(this.#number()),
      delayMs: 0,
      windowMs,
    };
    return allowed ? decision : withReason(decision, policy);
  }

  #blockedDecision(policy: Policy, limitInForce: number): Decision {
    const startedBlock: StartedBlock = { forMs: this.#number(), strikes: this.#number() };
    const denial = withMembers(this.#decision(policy, limitInForce), { reason: 'blocked' });
    return startedBlock.forMs === 0 ? denial : withMembers(denial, { startedBlock });
  }

  /** @param position the position of a policy in the request */
  #quotaAt(position = 1): Quota {
    const at = HEAD_BYTES + POLICY_BYTES * (position - 1);
    return { limit: this.#bytes.readDoubleLE(at), windowMs: this.#bytes.readDoubleLE(at + NUMBER_BYTES) };
  }

  #fullDecision({ name }: Policy): Decision {
    const allowed = this.#bytes[this.#next] === 1;
    this.#next += 1;
    return {
      policy: name,
      allowed,
      limit: this.#number(),
      remaining: this.#number(),
      resetMs: this.#number(),
      retryAfterMs: waitOf(this.#number()),
      delayMs: this.#number(),
      windowMs: this.#number(),
    };
  }

  /** A decision on a window of a calendar. */
  #quotaDecision(policy: Policy, limit: number): Decision {
    const decision = this.#fullDecision(policy);
    const startMs = this.#number();
    const used = this.#number();
    const reached = reachedBetween(this.#number(), used, { ...policy, limit });
    const window = { startMs, endMs: startMs + decision.windowMs, used };
    return withMembers(decision, reached === undefined ? { window } : { window, reached });
  }

  /** A strategy whose Lua omits a member of a decision ends the reply: what is missing must not become a decision. */
  #number(): number {
    const at = this.#next;
    this.#next = at + NUMBER_BYTES;
    if (this.#next > this.#end) throw unexpectedReply();
    return this.#bytes.readDoubleLE(at);
  }
}

/** A wait that never ends is sent as -1. */
function waitOf(sent: number): number | null {
  return sent < 0 ? null : sent;
}
