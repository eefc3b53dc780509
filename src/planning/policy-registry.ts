import { suggest, ThrottleConfigError } from '../core/errors.js';
import { DEFAULT_NAME, type Policy } from '../core/policy.js';
import type { Limit, PolicyOptions } from '../decorators/policy-options.js';
import type { Strategy } from '../strategies/strategy.js';
import {
  assertDistinct,
  type CompiledLimit,
  compileLimit,
  type DeclaredLimit,
  distinguishUnnamed,
  type HandlerIdentity,
} from './compiled-limit.js';
import { assertOwnName, assertPolicyOptions } from './option-checks.js';

/** The policies of the module, by name, and the limits of its `default`. */
export class PolicyRegistry {
  readonly #named = new Map<string, DeclaredLimit>();
  readonly #defaults: readonly DeclaredLimit[] = [];
  /** By id: the limit that was first to use the budget. */
  readonly #budgets = new Map<string, { readonly name: string; readonly shape: string; readonly place: string }>();

  constructor(
    policies: Readonly<Record<string, Limit>>,
    defaults: readonly Limit[],
    readonly strategies: readonly Strategy[],
  ) {
    this.add(policies);
    const written = defaults.map((limit, i): DeclaredLimit => {
      const place = defaults.length > 1 ? `default[${i}]` : 'default';
      return { options: optionsOf(limit), level: 'module', place };
    });
    for (const one of written) {
      // Compiled alone first: its own mistakes come before those it makes beside others.
      const { name } = compileLimit(one, ANY_HANDLER, strategies);
      if (this.has(name)) throw twoOfOneName(one.place, name);
    }
    this.#defaults = distinguishUnnamed(written);
    const limits = this.#defaults.map((one) => compileLimit(one, ANY_HANDLER, strategies));
    assertDistinct(limits);
    this.claim(limits);
  }

  /** @throws ThrottleConfigError for a policy that does not fit, or whose name is taken */
  add(policies: Readonly<Record<string, Limit>>): void {
    for (const [name, limit] of Object.entries(policies)) {
      const place = `policies.${name}`;
      assertOwnName(place, name, 'Take another; a limit for all handlers is the module\'s option "default".');
      const options = optionsOf(limit);
      assertPolicyOptions(place, options);
      if (options.name !== undefined && options.name !== name) {
        throw new ThrottleConfigError(`${place}.name: the policy is called "${name}" already. Leave the name out.`);
      }
      if (this.has(name) || this.#defaults.some(({ options }) => options.name === name))
        throw twoOfOneName(place, name);
      const written: DeclaredLimit = { options: { ...options, name }, level: 'module', place };
      this.claim([compileLimit(written, ANY_HANDLER, this.strategies)]);
      this.#named.set(name, written);
    }
  }

  /** Throws where a budget is shared by limits that count it differently: each would start it afresh, and none would limit. */
  claim(limits: readonly CompiledLimit[]): void {
    for (const { name, policies, place } of limits) {
      for (const policy of typeof policies === 'function' ? [] : policies) {
        this.assertSameCounting(policy, place, name);
        if (!this.#budgets.has(policy.id)) this.#budgets.set(policy.id, { name, shape: policy.shape, place });
      }
    }
  }

  /** The same of one policy, which the service is handed. */
  assertSameCounting({ id, shape, name: called }: Policy, place: string, name = called): void {
    const first = this.#budgets.get(id);
    if (first === undefined || (first.name === name && first.shape === shape)) return;
    throw new ThrottleConfigError(
      `${place}: shares the budget "${called}" with ${first.place}, and counts it differently, so that neither would limit. ` +
        'Give both the same strategy, period and segments, or one of them another name.',
    );
  }

  get defaults(): readonly DeclaredLimit[] {
    return this.#defaults;
  }

  get names(): readonly string[] {
    return [...this.#named.keys()];
  }

  has(name: string): boolean {
    return this.#named.has(name);
  }

  /** @throws ThrottleConfigError with the nearest name that is known */
  get(name: string, place: string): DeclaredLimit {
    const found = this.#named.get(name);
    if (found !== undefined) return found;
    const fix = this.#named.size === 0 ? ` Add it: ThrottleModule.forRoot({ policies: { ... } }).` : '';
    throw new ThrottleConfigError(`${place}: no policy of that name.${suggest(name, this.names)}${fix}`);
  }

  /** The limits that a name stands for, as the service addresses them. */
  compiled(name: string, handler: HandlerIdentity | null, place: string): readonly CompiledLimit[] {
    const defaults = this.#defaults.filter(({ options }) => (options.name ?? DEFAULT_NAME) === name);
    const written = defaults.length > 0 ? defaults : [this.get(name, place)];
    return written.map((one) => compileLimit(one, handler, this.strategies));
  }
}

/** Stands in for the handlers that will use a policy of the module, to show its mistakes before there are any. */
const ANY_HANDLER: HandlerIdentity = { classId: '', handlerId: '' };

function optionsOf(limit: Limit): PolicyOptions {
  return typeof limit === 'string' ? { rate: limit } : limit;
}

function twoOfOneName(place: string, name: string): ThrottleConfigError {
  return new ThrottleConfigError(`${place}: there are two policies of the name "${name}". Give one of them another.`);
}
