import { bindingOf, type Charge, type Decision, type Outcome } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';
import { type CallVerdict, policyArgs, unexpectedReply } from './lease-codec.js';

/** A call as lua/spend.lua is asked. */
export interface BatchedCall {
  readonly charges: readonly Charge[];
  /** Whether it writes. */
  readonly takes: boolean;
  /** In the server's milliseconds; what does not write is never late. */
  readonly deadlineMs: number;
}

/** A run of lua/spend.lua: each policy is told once, and so are calls in a row that are alike but for their keys. */
export class SpendRequest {
  readonly args: readonly string[];
  /** The policies, from 1 on. */
  readonly #places = new Map<Policy, number>();

  constructor(instant: string, calls: readonly BatchedCall[]) {
    const policies: string[] = [];
    const asked: string[] = [];
    for (let i = 0; i < calls.length; ) {
      const call = calls[i] as BatchedCall;
      const count = alikeFrom(calls, i);
      asked.push(String(count), call.takes ? String(call.deadlineMs) : 'peek', String(call.charges.length));
      for (const { policy, cost } of call.charges) {
        let place = this.#places.get(policy);
        if (place === undefined) {
          place = this.#places.size + 1;
          this.#places.set(policy, place);
          policies.push(...policyArgs(policy));
        }
        asked.push(String(place), String(cost));
      }
      i += count;
    }
    this.args = [instant, String(this.#places.size), ...policies, ...asked];
  }

  /** @throws TypeError where the reply is none to this run */
  read(reply: unknown): SpendReply {
    return new SpendReply(reply, this.#places);
  }
}

/** How many calls from `first` on are one but for their keys. */
function alikeFrom(calls: readonly BatchedCall[], first: number): number {
  const { charges, takes, deadlineMs } = calls[first] as BatchedCall;
  let next = first + 1;
  for (; next < calls.length; next++) {
    const other = calls[next] as BatchedCall;
    if (other.takes !== takes || (takes && other.deadlineMs !== deadlineMs)) break;
    if (!areAlike(charges, other.charges)) break;
  }
  return next - first;
}

function areAlike(charges: readonly Charge[], others: readonly Charge[]): boolean {
  if (charges.length !== others.length) return false;
  for (let i = 0; i < charges.length; i++) {
    const { policy, cost } = charges[i] as Charge;
    const other = others[i] as Charge;
    if (other.policy !== policy || other.cost !== cost) return false;
  }
  return true;
}

/** What the reply says of a charge. */
const ALLOWED = 1;
const DENIED = 2;
const WHOLE = 3;
/** What it says of a call that is not decided. */
const LATE = 4;
const GARBAGE = 5;

const NOTHING_LEFT: readonly { policy: string; was: string }[] = [];

/** A reply of lua/spend.lua: the server's time, the instant, a limit and a window of each policy, then call by call. */
class SpendReply {
  readonly serverMs: number;
  readonly #at: number;
  readonly #values: readonly unknown[];
  #next: number;

  constructor(
    reply: unknown,
    private readonly places: ReadonlyMap<Policy, number>,
  ) {
    this.#next = 2 + 2 * places.size;
    if (!Array.isArray(reply) || reply.length < this.#next) throw unexpectedReply();
    this.#values = reply;
    this.serverMs = this.#number(0);
    this.#at = this.#number(1);
  }

  /**
   * What the next call of the run came to.
   *
   * @throws TypeError where the reply does not go so far
   */
  read(call: Pick<BatchedCall, 'charges' | 'takes'>): CallVerdict {
    const verdict = this.#verdict(call);
    // A twin that leaves out a member cuts the reply off there: what is missing must not be taken for a decision.
    if (this.#next > this.#values.length) throw unexpectedReply();
    return verdict;
  }

  /** Some clients are set to give numbers as text. */
  #number(at: number): number {
    return Number(this.#values[at]);
  }

  #verdict({ charges, takes }: Pick<BatchedCall, 'charges' | 'takes'>): CallVerdict {
    const status = this.#number(this.#next);
    if (status === LATE || status === GARBAGE) {
      this.#next += 1;
      return { kind: status === LATE ? 'late' : 'garbage' };
    }
    const decisions: Decision[] = [];
    let leftBehind = NOTHING_LEFT;
    let allowed = true;
    let costs = 0;
    for (const { policy, cost } of charges) {
      const isWhole = this.#number(this.#next) === WHOLE;
      const decision = isWhole ? this.#whole(policy) : this.#plain(policy);
      const was = isWhole && this.#values[this.#next - 1];
      if (typeof was === 'string' && was !== '0') leftBehind = [...leftBehind, { policy: policy.name, was }];
      decisions.push(decision);
      allowed &&= decision.allowed;
      costs += cost;
    }
    const binding = bindingOf(decisions);
    const isTaken = takes && allowed && costs > 0;
    const outcome: Outcome = isTaken
      ? { allowed, decisions, binding, receipt: { at: this.#at, charges } }
      : { allowed, decisions, binding };
    return { kind: 'decided', outcome, leftBehind };
  }

  /** A decision with its policy's limit and window, that holds nobody up. */
  #plain(policy: Policy): Decision {
    const code = this.#number(this.#next);
    if (code !== ALLOWED && code !== DENIED) throw unexpectedReply();
    const allowed = code === ALLOWED;
    const at = this.#next;
    const place = 2 * (this.places.get(policy) ?? 0);
    this.#next += allowed ? 3 : 4;
    return {
      policy: policy.name,
      allowed,
      limit: this.#number(place),
      remaining: this.#number(at + 1),
      resetMs: this.#number(at + 2),
      retryAfterMs: allowed ? 0 : waitOf(this.#number(at + 3)),
      delayMs: 0,
      windowMs: this.#number(place + 1),
    };
  }

  #whole({ name }: Policy): Decision {
    const at = this.#next;
    this.#next += 9;
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

/** A wait that no time ends is told as -1. */
function waitOf(told: number): number | null {
  return told < 0 ? null : told;
}
