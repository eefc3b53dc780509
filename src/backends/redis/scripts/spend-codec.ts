import { bindingOf, type Charge, type Decision, type Outcome } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';
import { receiptOf } from '../../../core/receipt.js';
import type { DecideMode } from '../../remote-store.js';
import { type CallVerdict, unexpectedReply } from './call-verdict.js';
import { policyArgs } from './policy-args.js';

/** One call of a batch, as lua/scripts/spend.lua receives it. */
export interface BatchedCall {
  readonly charges: readonly Charge[];
  readonly mode: DecideMode;
  /** In the server's milliseconds. A peek writes nothing and is never late. */
  readonly deadlineMs: number;
}

/**
 * Encodes a batch of calls as the arguments of lua/scripts/spend.lua, and decodes its reply. Each policy is sent once, and
 * so are successive calls that differ only in their keys.
 */
export class SpendRequest {
  readonly args: readonly string[];
  /** The position of each policy in the arguments, from 1 on. */
  readonly #positions = new Map<Policy, number>();

  /** @param instant epoch milliseconds, or '' for the server's time */
  constructor(instant: string, calls: readonly BatchedCall[]) {
    const policies: string[] = [];
    const encoded: string[] = [];
    for (let i = 0; i < calls.length; ) {
      const call = calls[i] as BatchedCall;
      const count = countEqualFrom(calls, i);
      encoded.push(
        String(count),
        call.mode === 'spend' ? String(call.deadlineMs) : 'peek',
        String(call.charges.length),
      );
      for (const { policy, cost } of call.charges) {
        let position = this.#positions.get(policy);
        if (position === undefined) {
          position = this.#positions.size + 1;
          this.#positions.set(policy, position);
          policies.push(...policyArgs(policy));
        }
        encoded.push(String(position), String(cost));
      }
      i += count;
    }
    this.args = [instant, String(this.#positions.size), ...policies, ...encoded];
  }

  /** @throws TypeError if it is no reply to this request */
  decode(reply: unknown): SpendReply {
    return new SpendReply(reply, this.#positions);
  }
}

/** Returns how many calls, from the one at `first` on, differ only in their keys. */
function countEqualFrom(calls: readonly BatchedCall[], first: number): number {
  const { charges, mode, deadlineMs } = calls[first] as BatchedCall;
  let next = first + 1;
  for (; next < calls.length; next++) {
    const other = calls[next] as BatchedCall;
    if (other.mode !== mode || (mode === 'spend' && other.deadlineMs !== deadlineMs)) break;
    if (!haveEqualCosts(charges, other.charges)) break;
  }
  return next - first;
}

function haveEqualCosts(charges: readonly Charge[], others: readonly Charge[]): boolean {
  if (charges.length !== others.length) return false;
  for (let i = 0; i < charges.length; i++) {
    const { policy, cost } = charges[i] as Charge;
    const other = others[i] as Charge;
    if (other.policy !== policy || other.cost !== cost) return false;
  }
  return true;
}

/** Status codes of one charge. */
const ALLOWED = 1;
const DENIED = 2;
const FULL = 3;
/** Status codes of a call that is not decided. */
const LATE = 4;
const FOREIGN_VALUE = 5;

/** A reply of lua/scripts/spend.lua: the server's time, the instant, limit and window of each policy, then each call. */
export class SpendReply {
  /** Epoch milliseconds. */
  readonly serverMs: number;
  readonly #at: number;
  readonly #values: readonly unknown[];
  #next: number;

  constructor(
    reply: unknown,
    private readonly positions: ReadonlyMap<Policy, number>,
  ) {
    this.#next = 2 + 2 * positions.size;
    if (!Array.isArray(reply) || reply.length < this.#next) throw unexpectedReply();
    this.#values = reply;
    this.serverMs = this.#number(0);
    this.#at = this.#number(1);
  }

  /**
   * Decodes the verdict of the next call of the batch.
   *
   * @throws TypeError if the reply ends before it does
   */
  next(call: Pick<BatchedCall, 'charges' | 'mode'>): CallVerdict {
    const verdict = this.#verdict(call);
    // A strategy whose Lua omits a member of a decision truncates the reply: what is missing must not become a decision.
    if (this.#next > this.#values.length) throw unexpectedReply();
    return verdict;
  }

  /** Some clients are configured to return numbers as strings. */
  #number(at: number): number {
    return Number(this.#values[at]);
  }

  #verdict({ charges, mode }: Pick<BatchedCall, 'charges' | 'mode'>): CallVerdict {
    const status = this.#number(this.#next);
    if (status === LATE || status === FOREIGN_VALUE) {
      this.#next += 1;
      return { kind: status === LATE ? 'late' : 'foreign-value' };
    }
    const decisions: Decision[] = [];
    let allowed = true;
    let costs = 0;
    for (const { policy, cost } of charges) {
      const isFull = this.#number(this.#next) === FULL;
      const decision = isFull ? this.#fullDecision(policy) : this.#shortDecision(policy);
      decisions.push(decision);
      allowed &&= decision.allowed;
      costs += cost;
    }
    const binding = bindingOf(decisions);
    const isTaken = mode === 'spend' && allowed && costs > 0;
    const outcome: Outcome = isTaken
      ? { allowed, decisions, binding, receipt: receiptOf(this.#at, charges) }
      : { allowed, decisions, binding };
    return { kind: 'decided', outcome };
  }

  /** A decision with the limit and window that the reply gives for the policy, and without a delay. */
  #shortDecision(policy: Policy): Decision {
    const code = this.#number(this.#next);
    if (code !== ALLOWED && code !== DENIED) throw unexpectedReply();
    const allowed = code === ALLOWED;
    const at = this.#next;
    const limitAt = 2 * (this.positions.get(policy) ?? 0);
    this.#next += allowed ? 3 : 4;
    return {
      policy: policy.name,
      allowed,
      limit: this.#number(limitAt),
      remaining: this.#number(at + 1),
      resetMs: this.#number(at + 2),
      retryAfterMs: allowed ? 0 : waitOf(this.#number(at + 3)),
      delayMs: 0,
      windowMs: this.#number(limitAt + 1),
    };
  }

  #fullDecision({ name }: Policy): Decision {
    const at = this.#next;
    this.#next += 8;
    return {
      policy: name,
      allowed: this.#number(at + 1) === 1,
      limit: this.#number(at + 2),
      remaining: this.#number(at + 3),
      resetMs: this.#number(at + 4),
      retryAfterMs: waitOf(this.#number(at + 5)),
      delayMs: this.#number(at + 6),
      windowMs: this.#number(at + 7),
    };
  }
}

/** A wait that never ends is sent as -1. */
function waitOf(sent: number): number | null {
  return sent < 0 ? null : sent;
}
