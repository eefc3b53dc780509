import { ThrottleConfigError } from '../core/errors.js';
import type { Phase } from '../decorators/policy-options.js';
import { assertDistinctNames, assertDistinctPolicies } from './budget-claims.js';
import type { Class } from './class-members.js';
import type { CompiledLimit } from './compiled-limit.js';
import { declarationsOf } from './declared-limits.js';
import type { HandlerIdentity } from './handler-identity.js';
import type { PolicyRegistry } from './policy-registry.js';
import { type ResolvedLimits, resolveLimits } from './resolved-limits.js';

/** The limits of a handler, grouped by who charges them. */
export interface HandlerLimits {
  readonly handler: HandlerIdentity;
  /** `ReportsController.list`; only the class for a function that matches no method. */
  readonly label: string;
  /** Charged automatically, in one or two phases. */
  readonly automatic: readonly CompiledLimit[];
  /**
   * The automatic limits by the phase that charges them first. A limit by user may be deferred to the handler phase.
   */
  readonly byPhase: Readonly<Record<Phase, readonly CompiledLimit[]>>;
  /** True if any limit is, or may be, charged in the handler phase. */
  readonly hasHandlerPhase: boolean;
  /** True if a limit has `chargeWhen`, so that the end of the handler is observed. */
  readonly isByOutcome: boolean;
  /** True if there is a concurrency limit: the handler holds permits until it has ended. */
  readonly hasPermits: boolean;
  /**
   * Charged by `hit()` without a policy: the limits of the method, or else those of its class; if some are manual, only
   * those.
   */
  readonly explicit: readonly CompiledLimit[];
}

/** The method name of a function that matches no method. Only the limits of the class apply to it. */
export const UNKNOWN_METHOD = '';

/**
 * Compiles the limits of a handler in four passes: reads declarations, resolves which limits apply, compiles each
 * limit, and assigns the limits to phases.
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

/** Pass 4: assigns the limits of a handler to the phases or to `hit()`. */
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

/** Throws if a call would take both permits and leased units: a lease spends units without the backend. */
function assertNothingLeased(limits: readonly CompiledLimit[]): void {
  const concurrent = limits.find(({ concurrency }) => concurrency !== undefined);
  const leased = limits.find(({ policies }) => policies.known.some(({ lease }) => lease !== undefined));
  if (concurrent === undefined || leased === undefined) return;
  throw new ThrottleConfigError(
    'SLUICE_LEASE_CONFLICT',
    `${concurrent.place}: concurrency cannot be combined with the \`lease\` of ${leased.place}: the backend takes permits and rates together, and leased units are spent without it. Leave the lease out, or skip that limit here.`,
  );
}

function explicitLimits(limits: readonly CompiledLimit[]): readonly CompiledLimit[] {
  const onMethod = limits.filter(({ level }) => level === 'method');
  const nearest = onMethod.length > 0 ? onMethod : limits.filter(({ level }) => level === 'class');
  const manual = nearest.filter((limit) => limit.manual);
  return manual.length > 0 ? manual : nearest;
}
