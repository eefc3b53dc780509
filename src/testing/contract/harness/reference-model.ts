import type { Charge, Decision, Receipt } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';
import type { State } from '../../../strategies/strategy.js';
import { builtInStrategy } from './random-policies.js';

export interface Answer {
  readonly allowed: boolean;
  readonly decisions: readonly Decision[];
  readonly binding: Decision | null;
}

const EMPTY: State = [];

const strategyOf = ({ strategy }: Policy) => builtInStrategy(strategy);

/**
 * What a backend comes to, said in another way: a call asks of each key the sum of its charges; it is denied when any
 * sum is, and only then are the charges taken one by one. No clock, no memory to bound, no expiry.
 */
export class Model {
  readonly #states = new Map<string, State>();

  peek(charges: readonly Charge[], now: number): Answer {
    const sums = charges.map((charge, i) =>
      charges.slice(0, i + 1).reduce((sum, other) => sum + (isSameKey(charge, other) ? other.cost : 0), 0),
    );
    const asked = charges.map(({ policy, subject, cost }, i) => {
      return strategyOf(policy).step(this.#read(policy, subject), now, policy, cost === 0 ? 0 : (sums[i] ?? 0))
        .decision;
    });
    if (asked.every(({ allowed }) => allowed)) return concluded(this.#take(charges, now).decisions);
    const asItStands = ({ policy, subject }: Charge) =>
      strategyOf(policy).step(this.#read(policy, subject), now, policy, 0).decision;
    return concluded(charges.map((charge, i) => pick(asked[i], asItStands(charge))));
  }

  spend(charges: readonly Charge[], now: number): Answer {
    const answer = this.peek(charges, now);
    if (answer.allowed) for (const [key, state] of this.#take(charges, now).states) this.#states.set(key, state);
    return answer;
  }

  settle({ at, charges }: Receipt, costs: readonly number[], now: number): void {
    charges.forEach(({ policy, subject, cost }, i) => {
      const state = this.#read(policy, subject);
      this.#states.set(
        keyOf(policy, subject),
        strategyOf(policy).amend(state, now, policy, at, cost, costs[i] ?? cost),
      );
    });
  }

  reset(policy: Policy, subject: string): void {
    this.#states.delete(keyOf(policy, subject));
  }

  #read(policy: Policy, subject: string): State {
    return this.#states.get(keyOf(policy, subject)) ?? EMPTY;
  }

  #take(charges: readonly Charge[], now: number) {
    const states = new Map<string, State>();
    const decisions = charges.map(({ policy, subject, cost }) => {
      const key = keyOf(policy, subject);
      const { state, decision } = strategyOf(policy).step(
        states.get(key) ?? this.#read(policy, subject),
        now,
        policy,
        cost,
      );
      states.set(key, state);
      return decision;
    });
    return { states, decisions };
  }
}

const keyOf = (policy: Policy, subject: string) => `${policy.id} ${subject}`;

const isSameKey = (a: Charge, b: Charge) => a.policy.id === b.policy.id && a.subject === b.subject;

function pick(asked: Decision | undefined, asItStands: Decision): Decision {
  return asked?.allowed === false ? asked : asItStands;
}

/** The binding decision by sorting, which keeps the order of equals. */
function concluded(decisions: readonly Decision[]): Answer {
  const waitOf = ({ retryAfterMs }: Decision) => retryAfterMs ?? Number.POSITIVE_INFINITY;
  const denials = decisions
    .filter(({ allowed }) => !allowed)
    .sort((a, b) => (waitOf(a) === waitOf(b) ? 0 : waitOf(b) - waitOf(a)));
  const byShare = [...decisions].sort((a, b) => a.remaining / a.limit - b.remaining / b.limit);
  return { allowed: denials.length === 0, decisions, binding: denials[0] ?? byShare[0] ?? null };
}
