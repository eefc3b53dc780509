import { type Charge, type Decision, type Receipt, withReason } from '../../../core/decision.js';
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
 * The decisions of a backend, computed in another way: a call requests the sum of its charges from each key. It is
 * denied if the sum of an enforced charge is denied; otherwise the charges are taken one by one. A recorded charge
 * takes the remaining units and is settled at its cost. Monitored charges are separate calls after the others. The
 * model has no clock, no memory bound and no expiry.
 */
export class Model {
  readonly #states = new Map<string, State>();

  peek(charges: readonly Charge[], now: number): Answer {
    return this.#copy().spend(charges, now).answer;
  }

  /** Returns the result, and the cost that was taken for each charge. */
  spend(charges: readonly Charge[], now: number): { readonly answer: Answer; readonly taken: readonly number[] } {
    const isMonitored = ({ mode }: Charge) => mode === 'monitor';
    const before = this.#copy();
    const others = this.#spendOthers(
      charges.filter((charge) => !isMonitored(charge)),
      now,
    );
    const left = [...others.decisions];
    const taken: number[] = [];
    const decisions = charges.map((charge) => {
      if (!isMonitored(charge)) {
        taken.push(others.allowed ? charge.cost : 0);
        return left.shift();
      }
      const alone = { ...charge, mode: 'enforce' as const };
      const { allowed, decisions } = others.allowed ? this.#spendOthers([alone], now) : before.#ask([alone], now);
      taken.push(others.allowed && allowed ? charge.cost : 0);
      const decision =
        others.allowed || !allowed ? decisions[0] : before.#ask([{ ...alone, cost: 0 }], now).decisions[0];
      return decision && { ...decision, mode: 'monitor' as const };
    });
    return { answer: { ...others, decisions: decisions.flatMap((decision) => decision ?? []) }, taken };
  }

  #copy(): Model {
    const copy = new Model();
    for (const [key, state] of this.#states) copy.#states.set(key, state);
    return copy;
  }

  #spendOthers(charges: readonly Charge[], now: number): Answer {
    const answer = this.#ask(charges, now);
    if (answer.allowed) for (const [key, state] of this.#take(charges, now).states) this.#states.set(key, state);
    return answer;
  }

  /** Decides enforced and recorded charges. */
  #ask(charges: readonly Charge[], now: number): Answer {
    const sums = charges.map((charge, i) =>
      charges.slice(0, i + 1).reduce((sum, other) => sum + (isSameKey(charge, other) ? other.cost : 0), 0),
    );
    const decided = charges.map(({ policy, subject, cost, mode }, i) => {
      const units = cost === 0 || mode === 'record' ? 0 : (sums[i] ?? 0);
      return withReason(strategyOf(policy).step(this.#read(policy, subject), now, policy, units).decision, policy);
    });
    if (decided.every(({ allowed }) => allowed)) return concluded(this.#take(charges, now).decisions);
    const currentOf = ({ policy, subject }: Charge) =>
      strategyOf(policy).step(this.#read(policy, subject), now, policy, 0).decision;
    return concluded(charges.map((charge, i) => pick(decided[i], currentOf(charge))));
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
    const decisions = charges.map(({ policy, subject, cost, mode }) => {
      const key = keyOf(policy, subject);
      const strategy = strategyOf(policy);
      const found = states.get(key) ?? this.#read(policy, subject);
      const { remaining } = strategy.step(found, now, policy, 0).decision;
      const fits = mode === 'record' ? Math.min(cost, remaining) : cost;
      let { state, decision } = strategy.step(found, now, policy, fits);
      if (mode === 'record') {
        state = strategy.amend(state, now, policy, now, fits, cost);
        decision = strategy.step(state, now, policy, 0).decision;
      }
      states.set(key, state);
      return decision;
    });
    return { states, decisions };
  }
}

const keyOf = (policy: Policy, subject: string) => `${policy.id} ${subject}`;

const isSameKey = (a: Charge, b: Charge) => a.policy.id === b.policy.id && a.subject === b.subject;

function pick(decided: Decision | undefined, current: Decision): Decision {
  return decided?.allowed === false ? decided : current;
}

/** Finds the binding decision by sorting, which is stable. */
function concluded(decisions: readonly Decision[]): Answer {
  const waitOf = ({ retryAfterMs }: Decision) => retryAfterMs ?? Number.POSITIVE_INFINITY;
  const denials = decisions
    .filter(({ allowed }) => !allowed)
    .sort((a, b) => (waitOf(a) === waitOf(b) ? 0 : waitOf(b) - waitOf(a)));
  const byShare = [...decisions].sort((a, b) => a.remaining / a.limit - b.remaining / b.limit);
  return { allowed: denials.length === 0, decisions, binding: denials[0] ?? byShare[0] ?? null };
}
