import { bindingOf, type Charge, type Decision, type Outcome } from '../core/decision.js';
import type { Policy } from '../core/policy.js';
import type { Grant } from './backend.js';

/** A script's answer to one call. */
export type Verdict =
  | {
      readonly kind: 'decided';
      readonly outcome: Outcome;
      readonly leftBehind: readonly { policy: string; was: string }[];
    }
  | { readonly kind: 'late' }
  | { readonly kind: 'garbage' };

/** The answer of lua/lease.lua. */
export type Leased =
  | { readonly kind: 'decided'; readonly grant: Grant; readonly was: string | undefined }
  | { readonly kind: 'late' }
  | { readonly kind: 'garbage' };

/** A policy as the scripts read it. */
export function policyArgs({ strategy, limit, periodMs, burst, segments }: Policy): string[] {
  return [strategy, String(limit), String(periodMs), String(burst), String(segments)];
}

/** A call as lua/spend.lua is asked. */
export interface AskedCall {
  readonly charges: readonly Charge[];
  /** In the server's milliseconds, or `peek`. */
  readonly deadline: string;
}

/** The arguments of lua/spend.lua: each policy is told once, whatever number of charges are of it. */
export function spendArgs(instant: string, calls: readonly AskedCall[]): string[] {
  const places = new Map<Policy, string>();
  const policies: string[] = [];
  const asked: string[] = [];
  for (const { charges, deadline } of calls) {
    asked.push(deadline, String(charges.length));
    for (const { policy, cost } of charges) {
      let place = places.get(policy);
      if (place === undefined) {
        place = String(places.size + 1);
        places.set(policy, place);
        policies.push(...policyArgs(policy));
      }
      asked.push(place, String(cost));
    }
  }
  return [instant, String(places.size), ...policies, ...asked];
}

/** Numbers of a decision; what was left behind comes after them. */
const MEMBERS = 7;
const DECIDED = 1;
const LATE = 2;
const GARBAGE = 3;

/** Reads the reply of lua/spend.lua, call by call. */
export class SpendReply {
  readonly serverMs: number;
  readonly #at: number;
  readonly #values: readonly unknown[];
  #next = 2;

  constructor(reply: unknown) {
    if (!Array.isArray(reply) || reply.length < 2) throw otherForm();
    this.#values = reply;
    this.serverMs = Number(reply[0]);
    this.#at = Number(reply[1]);
  }

  read(charges: readonly Charge[], takes: boolean): Verdict {
    // Some clients are set to give numbers as text.
    const status = Number(this.#values[this.#next++]);
    if (status === LATE) return { kind: 'late' };
    if (status === GARBAGE) return { kind: 'garbage' };
    // A twin that leaves out a member cuts the reply off there: what is missing must not be taken for a decision.
    if (status !== DECIDED || this.#next + charges.length * (MEMBERS + 1) > this.#values.length) throw otherForm();
    const decisions: Decision[] = [];
    const leftBehind: { policy: string; was: string }[] = [];
    let allowed = true;
    let costs = 0;
    for (const { policy, cost } of charges) {
      const decision = this.#decision(policy.name);
      const was = this.#values[this.#next++];
      if (typeof was === 'string' && was !== '0') leftBehind.push({ policy: policy.name, was });
      decisions.push(decision);
      allowed &&= decision.allowed;
      costs += cost;
    }
    const told = { allowed, decisions, binding: bindingOf(decisions) };
    const isTaken = takes && allowed && costs > 0;
    const outcome = isTaken ? { ...told, receipt: { at: this.#at, charges } } : told;
    return { kind: 'decided', outcome, leftBehind };
  }

  #decision(policy: string): Decision {
    const values = this.#values;
    const at = this.#next;
    this.#next += MEMBERS;
    const retryAfterMs = Number(values[at + 4]);
    return {
      policy,
      allowed: Number(values[at]) === 1,
      limit: Number(values[at + 1]),
      remaining: Number(values[at + 2]),
      resetMs: Number(values[at + 3]),
      retryAfterMs: retryAfterMs < 0 ? null : retryAfterMs,
      delayMs: Number(values[at + 5]),
      windowMs: Number(values[at + 6]),
    };
  }
}

/** Reads the reply of lua/lease.lua. */
export function readLeased(reply: unknown): { readonly serverMs: number; readonly leased: Leased } {
  if (!Array.isArray(reply) || reply.length < 3) throw otherForm();
  const [serverMs, at, status, granted, remaining, endsInMs] = reply.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const was: unknown = reply[6];
  const grant = { granted, remaining, at, endsInMs };
  if (status === LATE || status === GARBAGE)
    return { serverMs, leased: { kind: status === LATE ? 'late' : 'garbage' } };
  return {
    serverMs,
    leased: { kind: 'decided', grant, was: typeof was === 'string' && was !== '0' ? was : undefined },
  };
}

function otherForm(): TypeError {
  return new TypeError(
    'the script answered in another form: a member of a decision may be missing in the Lua of a strategy',
  );
}

/** The indexes of items, by the place that each is at, in order of first appearance. */
export function groupBy<T>(items: readonly T[], placeOf: (item: T) => number): readonly (readonly number[])[] {
  const groups = new Map<number, number[]>();
  items.forEach((item, i) => {
    const place = placeOf(item);
    const group = groups.get(place);
    if (group === undefined) groups.set(place, [i]);
    else group.push(i);
  });
  return [...groups.values()];
}
