import type { MemberPath } from '../transports/identity/member-path.js';
import { userPathsOf } from '../transports/identity/user-lookup.js';
import type { Class } from './class-members.js';
import { assertDistinctPolicies, type CompiledLimit, compileLimit } from './compiled-limit.js';
import { declarationsOf } from './declared-limits.js';
import type { HandlerIdentity } from './handler-identity.js';
import type { PolicyRegistry } from './policy-registry.js';
import { type ResolvedLimits, resolveLimits } from './resolved-limits.js';

/** The limits of a handler, by who charges them. */
export interface HandlerLimits {
  readonly handler: HandlerIdentity;
  /** `ReportsController.list`; the class alone for a function that stands for an unknown method. */
  readonly label: string;
  /** Charged by the guard. */
  readonly guarded: readonly CompiledLimit[];
  /** Charged by `hit()` without a policy: the method's limits, else its class's; if some are manual, only those. */
  readonly own: readonly CompiledLimit[];
  /** Members of the request that identify a user, for limits by user. */
  readonly userPaths: readonly MemberPath[];
}

/** Stands for the method of a function that cannot be matched to any: only the limits of the class apply to it. */
export const UNKNOWN_METHOD = '';

/**
 * Compiles the limits of a handler in four passes: what is declared, which of it applies, each limit by itself, and who
 * charges it.
 *
 * @throws ThrottleConfigError naming the place
 */
export function compileHandlerLimits(
  type: Class,
  method: string,
  handler: HandlerIdentity,
  registry: PolicyRegistry,
): HandlerLimits {
  const declarations = declarationsOf(type, method);
  const resolved = resolveLimits(declarations, registry);
  const limits = compileLimits(resolved, handler, registry);
  return assignLimits(limits, handler, method === UNKNOWN_METHOD ? type.name : `${type.name}.${method}`);
}

/** Compiles all declared limits; returns those that apply. */
function compileLimits(
  { declared, applicable }: ResolvedLimits,
  handler: HandlerIdentity,
  registry: PolicyRegistry,
): readonly CompiledLimit[] {
  return declared.flatMap((declaration) => {
    const limits = declaration.map((limit) => ({
      applies: applicable.has(limit),
      compiled: compileLimit(limit, handler, registry.strategies),
    }));
    const compiled = limits.map((limit) => limit.compiled);
    assertDistinctPolicies(compiled);
    registry.claims.claim(compiled);
    return limits.flatMap((limit) => (limit.applies ? [limit.compiled] : []));
  });
}

/** Pass 4: says which of a handler's limits are charged by whom. */
function assignLimits(limits: readonly CompiledLimit[], handler: HandlerIdentity, label: string): HandlerLimits {
  const guarded = limits.filter(({ manual, policies }) => !manual && policies.fixed?.length !== 0);
  return {
    handler,
    label,
    guarded,
    own: explicitLimits(limits),
    userPaths: guarded.flatMap(({ by }) => userPathsOf(by)),
  };
}

function explicitLimits(limits: readonly CompiledLimit[]): readonly CompiledLimit[] {
  const onMethod = limits.filter(({ level }) => level === 'method');
  const nearest = onMethod.length > 0 ? onMethod : limits.filter(({ level }) => level === 'class');
  const manual = nearest.filter((limit) => limit.manual);
  return manual.length > 0 ? manual : nearest;
}
