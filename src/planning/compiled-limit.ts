import type { Awaitable } from '../core/awaitable.js';
import { invalidValue, optionAt, ThrottleConfigError } from '../core/errors.js';
import { DEFAULT_NAME, type Policy } from '../core/policy.js';
import type { MessageOption, OnDenied, PolicyOptions, ScopeOption, Skip } from '../decorators/policy-options.js';
import { BUILT_IN_STRATEGIES } from '../strategies/built-in-strategies.js';
import { definePolicies, type PolicySpec } from '../strategies/define-policy.js';
import type { Strategy } from '../strategies/strategy.js';
import type { By, Call, CallContext, CostOf } from '../transports/call.js';
import { by } from '../transports/identity/by.js';
import { assertPolicyOptions } from './option-checks.js';

/** Where something is written: in the module, on a class, or on a method. */
export type Level = 'module' | 'class' | 'method';

/** The handler that a limit is compiled for: its names in keys, unique in the application. */
export interface HandlerIdentity {
  readonly classId: string;
  readonly handlerId: string;
}

/** Options as written, and where. */
export interface DeclaredLimit {
  readonly options: PolicyOptions;
  readonly level: Level;
  /** For errors: `@Throttle on ReportsController.list`. */
  readonly place: string;
  /** One of several limits without names at that place: called by its period, too. */
  readonly byPeriod?: boolean;
}

/** A limit, compiled: what is left to find out for a call is who is charged, and, where functions say so, how much. */
export interface CompiledLimit {
  /** What the limit is called: its name, or `default`. Of one name the nearest place rules. */
  readonly name: string;
  readonly level: Level;
  readonly place: string;
  /** One a rate; a function where the rate is one. */
  readonly policies: readonly Policy[] | ((call: Call) => Awaitable<readonly Policy[]>);
  readonly by: By;
  readonly cost: number | CostOf;
  readonly manual: boolean;
  readonly skip: Skip | undefined;
  readonly message: MessageOption | undefined;
  readonly onDenied: OnDenied | undefined;
  readonly context: CallContext | undefined;
}

const SCOPE_OF_LEVEL = { module: 'app', class: 'class', method: 'handler' } as const;
/** Rates that a function has answered with, remembered a limit. */
const MAX_RATES = 1000;

/**
 * Compiles a limit for a handler (`null`: for no handler, as the service addresses it).
 *
 * @throws ThrottleConfigError naming the place
 */
export function compileLimit(
  written: DeclaredLimit,
  handler: HandlerIdentity | null,
  strategies: readonly Strategy[],
): CompiledLimit {
  const { options, level, place } = written;
  assertPolicyOptions(place, options);
  const name = options.name ?? DEFAULT_NAME;
  const { rate, strategy, burst, segments, onError, lease } = options;
  const scope = scopeText(options.scope ?? SCOPE_OF_LEVEL[level], handler, place);
  const specOf = (text: string): PolicySpec => ({
    rate: text,
    scope,
    ...(strategy !== undefined && { strategy }),
    ...(burst !== undefined && { burst }),
    ...(segments !== undefined && { segments }),
    ...(onError !== undefined && { onError }),
    ...(lease !== undefined && { lease }),
  });
  if (lease !== undefined && typeof rate === 'function') {
    throw new ThrottleConfigError(
      `${optionAt(place, 'lease')}: a rate that is a function cannot be leased. Write the rate out, or leave the lease out.`,
    );
  }
  const make = (text: string) =>
    definePolicies(place, name, specOf(text), { strategies, byPeriod: written.byPeriod ?? false });
  // A rate that is a function is not known yet; one that fits any segments shows the other options' mistakes at boot.
  const policies =
    typeof rate === 'string' ? make(rate) : dynamicPolicies(rate, (text) => make(text).map(byShape), place);
  if (typeof rate !== 'string') make(`1/${Number.isSafeInteger(segments) && Number(segments) > 0 ? segments : 1000}ms`);
  else assertAffordable(place, make(rate), options.cost);
  return {
    name,
    level,
    place,
    policies,
    by: options.by ?? by.connection(),
    cost: options.cost ?? 1,
    manual: options.manual ?? false,
    skip: options.skip,
    message: options.message,
    onDenied: options.onDenied,
    context: options.context,
  };
}

function dynamicPolicies(
  rate: (call: Call) => Awaitable<string>,
  make: (text: string) => readonly Policy[],
  place: string,
): (call: Call) => Awaitable<readonly Policy[]> {
  const known = new Map<string, readonly Policy[]>();
  const policiesOf = (text: string) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    if (typeof text !== 'string')
      throw invalidValue(optionAt(place, 'rate'), 'the function to answer with a rate such as "5/min"', text);
    if (known.size >= MAX_RATES) known.clear();
    const made = make(text);
    known.set(text, made);
    return made;
  };
  return (call) => {
    const text = rate(call);
    return typeof text === 'string' ? policiesOf(text) : Promise.resolve(text).then(policiesOf);
  };
}

/** Rates of other periods are other budgets: on one, each answer of the function would start the other's count afresh. */
function byShape(policy: Policy): Policy {
  return Object.freeze({ ...policy, id: `${policy.id}@${policy.shape}` });
}

function scopeText(scope: ScopeOption, handler: HandlerIdentity | null, place: string): string {
  if (typeof scope === 'object') return `group:${scope.group}`;
  if (scope === 'app') return 'app';
  if (handler === null) {
    throw new ThrottleConfigError(
      `${place}: has a budget for each ${scope}, and there is no handler here. Ask within a call, or give it the scope "app" or { group }.`,
    );
  }
  return scope === 'class' ? `class:${handler.classId}` : `handler:${handler.handlerId}`;
}

/** A cost above what a full limit grants could never pass: every call would be denied. */
function assertAffordable(place: string, policies: readonly Policy[], cost: number | CostOf | undefined): void {
  if (typeof cost !== 'number') return;
  for (const { burst, strategy } of policies) {
    if (cost <= burst || !BUILT_IN_STRATEGIES.some(({ name }) => name === strategy)) continue;
    const hint = strategy === 'gcra' ? ' ("gcra" has a burst of 1 unless told)' : '';
    throw invalidValue(optionAt(place, 'cost'), `at most the ${burst} that a full limit grants at once${hint}`, cost);
  }
}

/**
 * The limits that are written at one place, told apart.
 *
 * @throws ThrottleConfigError where two of them would be one
 */
export function distinguishUnnamed(written: readonly DeclaredLimit[]): readonly DeclaredLimit[] {
  const unnamed = written.filter(({ options }) => nameOf(options) === DEFAULT_NAME);
  for (const { options, place } of written) {
    if (nameOf(options) === DEFAULT_NAME) {
      if (unnamed.length > 1 && typeof options.rate === 'function') {
        throw new ThrottleConfigError(
          `${place}: a rate that is a function needs a name beside another limit. Add { name: "..." }.`,
        );
      }
    } else if (written.filter((other) => nameOf(other.options) === options.name).length > 1) {
      throw new ThrottleConfigError(
        `${place}: there are two policies of the name "${options.name}" here. Give one of them another.`,
      );
    }
  }
  return unnamed.length < 2
    ? written
    : written.map((one) => (unnamed.includes(one) ? { ...one, byPeriod: true } : one));
}

/** Throws where two limits at one place would be called the same. */
export function assertDistinct(limits: readonly CompiledLimit[]): void {
  const seen = new Set<string>();
  for (const { policies, place } of limits) {
    if (typeof policies === 'function') continue;
    for (const { name } of policies) {
      if (seen.has(name)) {
        throw new ThrottleConfigError(
          `${place}: there are two limits over one period here, both called "${name}". Give one of them a name of its own: { name: "..." }.`,
        );
      }
      seen.add(name);
    }
  }
}

function nameOf(options: PolicyOptions): string {
  return options?.name ?? DEFAULT_NAME;
}
