import { isEnforced } from '../../../core/charge-checks.js';
import type { Charge } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';
import { lookupArgs, lookupKeys, type PreparedCharge } from './override-lookup.js';
import { argumentArgs, blockArgs, policyArgs } from './policy-args.js';
import { type BatchedCall, SpendReply } from './spend-reply.js';

/**
 * Encodes a batch of calls as the arguments of lua/scripts/spend.lua, and decodes its reply. Each policy is sent once,
 * and so are successive calls that differ only in their keys.
 */
export class SpendRequest {
  readonly args: readonly string[];
  /** The keys of charges that may be overridden, behind those of all calls. */
  readonly moreKeys: readonly string[];
  /** The position of each policy in the arguments, from 1 on. */
  readonly #positions = new Map<Policy, number>();

  /** @param instant epoch milliseconds, or '' for the server's time */
  constructor(instant: string, calls: readonly BatchedCall[]) {
    const policies: string[] = [];
    const encoded: string[] = [];
    const moreKeys: string[] = [];
    let firstMore = 0;
    for (const { charges } of calls) firstMore += charges.length;
    for (let i = 0; i < calls.length; ) {
      const call = calls[i] as BatchedCall;
      const count = countEqualFrom(calls, i);
      encoded.push(
        String(count),
        call.mode === 'spend' ? String(call.deadlineMs) : 'peek',
        String(call.charges.length),
      );
      for (const charge of call.charges) {
        const { policy, cost } = charge;
        if (!isEnforced(charge)) encoded.push(String(charge.mode));
        if (charge.lookup !== undefined) {
          encoded.push(...lookupArgs(charge.lookup, firstMore + moreKeys.length + 1));
          moreKeys.push(...lookupKeys(charge.lookup));
        }
        encoded.push(...argumentArgs(charge));
        encoded.push(String(positionOf(policy, this.#positions, policies)), String(cost));
      }
      i += count;
    }
    this.moreKeys = moreKeys;
    this.args = [instant, String(this.#positions.size), ...policies, ...encoded];
  }

  /** @throws TypeError if it is no reply to this request */
  decode(reply: unknown): SpendReply {
    return new SpendReply(reply, this.#positions);
  }
}

const NO_KEYS: readonly string[] = [];

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

function haveEqualCosts(charges: readonly PreparedCharge[], others: readonly PreparedCharge[]): boolean {
  if (charges.length !== others.length) return false;
  for (let i = 0; i < charges.length; i++) {
    const { policy, cost, mode, arguments: args, lookup } = charges[i] as PreparedCharge;
    const other = others[i] as PreparedCharge;
    if (lookup !== undefined || other.lookup !== undefined) return false;
    if (other.policy !== policy || other.cost !== cost || other.mode !== mode || other.arguments !== args) return false;
  }
  return true;
}

/**
 * Encodes calls of one charge each, all by policies of one strategy, as the arguments of lua/scripts/spend-one.lua, and
 * decodes its reply. The run has one deadline: the earliest of its calls.
 */
export class SpendOneRequest {
  readonly args: readonly string[];
  readonly moreKeys = NO_KEYS;

  /**
   * @param instant epoch milliseconds, or '' for the server's time
   * @param calls at most 128, so that the number of a policy is one byte
   */
  constructor(instant: string, calls: readonly BatchedCall[]) {
    const first = chargeOf(calls[0]);
    let deadlineMs = Number.POSITIVE_INFINITY;
    let isMixed = false;
    let isUniform = true;
    for (const call of calls) {
      const { policy, cost } = chargeOf(call);
      isMixed ||= policy !== first.policy;
      isUniform &&= cost === first.cost;
      if (call.deadlineMs < deadlineMs) deadlineMs = call.deadlineMs;
    }
    const [numbers, policies] = isMixed ? numbered(calls) : ['', [first.policy]];
    const args = [instant, String(deadlineMs), numbers, isUniform ? String(first.cost) : ''];
    for (const { limit, periodMs, burst, segments } of policies) {
      args.push(String(limit), String(periodMs), String(burst), String(segments));
    }
    if (!isUniform) for (const call of calls) args.push(String(chargeOf(call).cost));
    this.args = args;
  }

  /** @throws TypeError if it is no reply to this request */
  decode(reply: unknown): SpendReply {
    return new SpendReply(reply, undefined);
  }
}

/**
 * Encodes calls of several plain charges each as the arguments of lua/scripts/spend-several.lua, and decodes its reply.
 * Each policy is sent once, and so are successive calls that differ only in their keys. The run has one deadline: the
 * earliest of its calls.
 */
export class SpendSeveralRequest {
  readonly args: readonly string[];
  readonly moreKeys = NO_KEYS;

  /** @param instant epoch milliseconds, or '' for the server's time */
  constructor(instant: string, calls: readonly BatchedCall[]) {
    const positions = new Map<Policy, number>();
    const policies: string[] = [];
    const groups: string[] = [];
    let deadlineMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < calls.length; ) {
      const { charges } = calls[i] as BatchedCall;
      const first = i;
      for (; i < calls.length; i++) {
        const call = calls[i] as BatchedCall;
        if (i > first && !haveEqualCosts(charges, call.charges)) break;
        if (call.deadlineMs < deadlineMs) deadlineMs = call.deadlineMs;
      }
      groups.push(String(i - first), String(charges.length));
      for (const { policy, cost } of charges)
        groups.push(String(positionOf(policy, positions, policies)), String(cost));
    }
    this.args = [instant, String(deadlineMs), String(positions.size), ...policies, ...groups];
  }

  /** @throws TypeError if it is no reply to this request */
  decode(reply: unknown): SpendReply {
    return new SpendReply(reply, undefined);
  }
}

/**
 * Returns the position of a policy in the arguments, from 1 on. `policies` gets the numbers of a policy that is new.
 */
function positionOf(policy: Policy, positions: Map<Policy, number>, policies: string[]): number {
  let position = positions.get(policy);
  if (position === undefined) {
    position = positions.size + 1;
    positions.set(policy, position);
    policies.push(...blockArgs(policy), ...policyArgs(policy));
  }
  return position;
}

/** Returns a byte per call, the number of its policy, and the policies. */
function numbered(calls: readonly BatchedCall[]): readonly [numbers: string, policies: Iterable<Policy>] {
  const policies = new Map<Policy, number>();
  const numbers = calls.map((call) => {
    const { policy } = chargeOf(call);
    const number = policies.get(policy) ?? policies.size;
    policies.set(policy, number);
    return number;
  });
  return [String.fromCharCode(...numbers), policies.keys()];
}

/** The only charge of a call. */
function chargeOf(call: BatchedCall | undefined): Charge {
  return call?.charges[0] as Charge;
}
