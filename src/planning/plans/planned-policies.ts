import type { Awaitable } from '../../core/awaitable.js';
import { type Charge, type Decision, unlimitedDecision } from '../../core/decision.js';
import type { Policy } from '../../core/policy.js';
import type { Call } from '../../transports/call.js';
import type { PlanLookup } from './plan-lookup.js';

/** The policies of a limit without a plan. */
export interface OwnPolicies {
  /** The policies if they are the same for every call. An empty array limits nothing. */
  readonly fixed: readonly Policy[] | undefined;
  of(call: Call): Awaitable<readonly Policy[]>;
}

/** The policies of a limit under each plan. */
export class PlannedPolicies {
  /**
   * The charges of a call that its plan does not limit: none. Compare by identity: this array distinguishes such a call
   * from an exempt one, which has no decision.
   */
  readonly unlimited: readonly Charge[] = Object.freeze([]);
  readonly #decision: Decision;

  /**
   * @param name of the limit
   * @param tiers the policies of the plans that name the limit's policy; an empty array is `unlimited`
   * @param otherwise the policies under all other plans
   */
  constructor(
    name: string,
    readonly lookup: PlanLookup,
    private readonly tiers: ReadonlyMap<string, readonly Policy[]>,
    private readonly otherwise: OwnPolicies,
  ) {
    const { periodMs = 0 } = otherwise.fixed?.[0] ?? {};
    this.#decision = Object.freeze(unlimitedDecision({ name, periodMs }));
  }

  /** Returns the policies under a plan; undefined if it is unlimited. */
  under(plan: string, call: Call): Awaitable<readonly Policy[] | undefined> {
    const policies = this.tiers.get(plan);
    if (policies === undefined) return this.otherwise.fixed ?? this.otherwise.of(call);
    return policies.length === 0 ? undefined : policies;
  }

  /** The policies of the default plan. Empty if it is unlimited, or if its rate is a function. */
  get byDefault(): readonly Policy[] {
    return this.tiers.get(this.lookup.default) ?? this.otherwise.fixed ?? [];
  }

  /** Returns the decision on a call if its charges are the array `unlimited`. */
  decisionOn(charges: readonly Charge[]): Decision | undefined {
    return charges === this.unlimited ? this.#decision : undefined;
  }
}
