import { ThrottleConfigError } from '../core/errors.js';
import type { Phase } from '../decorators/policy-options.js';
import { assertDistinctNames, assertDistinctPolicies } from './budget-claims.js';
import type { Class } from './class-members.js';
import type { CompiledLimit } from './compiled-limit.js';
import { declarationsOf } from './declared-limits.js';
import type { HandlerIdentity } from './handler-identity.js';
import type { PolicyRegistry } from './policy-registry.js';
import { type ResolvedLimits, resolveLimits } from './resolved-limits.js';

/** The limits of a handler, by who charges them. */
export interface HandlerLimits {
  readonly handler: HandlerIdentity;
  /** `ReportsController.list`; the class alone for a function that stands for an unknown method. */
  readonly label: string;
  /** Charged without being asked, in one phase or in two. */
  readonly automatic: readonly CompiledLimit[];
  /** The automatic limits by the phase that asks for them first. A limit by user may move on to the handler phase. */
  readonly byPhase: Readonly<Record<Phase, readonly CompiledLimit[]>>;
  /** Whether any limit is, or may be, charged in the handler phase. */
  readonly hasHandlerPhase: boolean;
  /** Whether a limit is charged by how its calls end, so that the handler is observed. */
  readonly isByOutcome: boolean;
  /** Whether a limit is of concurrency: the handler holds permits until it has ended. */
  readonly hasPermits: boolean;
  /** Charged by `hit()` without a policy: the method's limits, else its class's; if some are manual, only those. */
  readonly explicit: readonly CompiledLimit[];
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
  assertDistinctNames(limits);
  assertNothingLeased(limits);
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
      compiled: registry.compile(limit, handler),
    }));
    const compiled = limits.flatMap((limit) => limit.compiled);
    assertDistinctPolicies(compiled);
    registry.claims.claim(compiled);
    return limits.flatMap((limit) => (limit.applies ? limit.compiled : []));
  });
}

/** Pass 4: says which of a handler's limits are charged by whom. */
function assignLimits(limits: readonly CompiledLimit[], handler: HandlerIdentity, label: string): HandlerLimits {
  const automatic = limits.filter(({ manual, policies }) => !manual && policies.fixed?.length !== 0);
  return {
    handler,
    label,
    automatic,
    byPhase: {
      guard: automatic.filter(({ phase }) => phase !== 'handler'),
      handler: automatic.filter(({ phase }) => phase === 'handler'),
    },
    hasHandlerPhase: automatic.some(({ phase }) => phase !== 'guard'),
    isByOutcome: limits.some(({ chargeWhen }) => chargeWhen !== undefined),
    hasPermits: limits.some(({ concurrency }) => concurrency !== undefined),
    explicit: explicitLimits(limits),
  };
}

/** Throws if a call would take permits and leased units together: a lease spends units without the backend. */
function assertNothingLeased(limits: readonly CompiledLimit[]): void {
  const concurrent = limits.find(({ concurrency }) => concurrency !== undefined);
  const leased = limits.find(({ policies }) => policies.known.some(({ lease }) => lease !== undefined));
  if (concurrent === undefined || leased === undefined) return;
  throw new ThrottleConfigError(
    'SLUICE_LEASE_CONFLICT',
    `${concurrent.place}: permits are taken together with all rates of a call, and ${leased.place} has a \`lease\`, which spends units without the backend. Leave the lease out, or skip that limit here.`,
  );
}

function explicitLimits(limits: readonly CompiledLimit[]): readonly CompiledLimit[] {
  const onMethod = limits.filter(({ level }) => level === 'method');
  const nearest = onMethod.length > 0 ? onMethod : limits.filter(({ level }) => level === 'class');
  const manual = nearest.filter((limit) => limit.manual);
  return manual.length > 0 ? manual : nearest;
}
