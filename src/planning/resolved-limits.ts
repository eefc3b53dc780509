import { suggest, ThrottleConfigError } from '../core/errors.js';
import { DEFAULT_NAME } from '../core/policy.js';
import { USE_MEMBERS } from '../decorators/policy-options.js';
import { type Declaration, type DeclaredLimit, declareLimit, nameOf, type PolicyReference } from './declared-limits.js';
import { isObject } from './option-checks.js';
import type { PolicyRegistry } from './policy-registry.js';

/** A declaration with its references replaced by policies of the module. */
export interface ResolvedDeclaration extends Omit<Declaration, 'limits'> {
  readonly limits: readonly DeclaredLimit[];
}

/** The limits that are declared for a handler, and which of them apply. */
export interface ResolvedLimits {
  /**
   * The limits of each declaration, from the module's to the method's. Replaced limits are included: they are compiled,
   * too, so that a mistake in them stops startup.
   */
  readonly declared: readonly (readonly DeclaredLimit[])[];
  readonly applicable: ReadonlySet<DeclaredLimit>;
}

/**
 * Pass 2: decides which of the declared limits apply. A nearer declaration replaces limits with the same names and
 * removes those that it skips. All others stay.
 *
 * @param declarations farthest first
 * @throws ThrottleConfigError naming the place
 */
export function resolveLimits(declarations: readonly Declaration[], registry: PolicyRegistry): ResolvedLimits {
  const resolved = resolveReferences(declarations, registry);
  let applicable = registry.defaults;
  for (const nearer of resolved) {
    assertSkipsKnown(nearer, applicable, registry);
    applicable = overrule(applicable, nearer);
  }
  return {
    declared: [registry.defaults, ...resolved.map(({ limits }) => limits)],
    applicable: new Set(applicable),
  };
}

/** Replaces references by policies of the module. @throws ThrottleConfigError naming the place */
export function resolveReferences(
  declarations: readonly Declaration[],
  registry: PolicyRegistry,
): readonly ResolvedDeclaration[] {
  return declarations.map((declaration) => ({
    ...declaration,
    limits: declaration.limits.map((limit) =>
      'policy' in limit ? resolveReference(limit, registry) : checkName(limit, registry),
    ),
  }));
}

function overrule(
  farther: readonly DeclaredLimit[],
  { limits, skips, skipsAll }: ResolvedDeclaration,
): readonly DeclaredLimit[] {
  if (skipsAll) return limits;
  const removed = new Set([...skips, ...limits.map(nameOf)]);
  return [...farther.filter((limit) => !removed.has(nameOf(limit))), ...limits];
}

/** Merges the options of a reference into the policy. The policy keeps its budget. */
function resolveReference({ policy, use, level, place }: PolicyReference, registry: PolicyRegistry): DeclaredLimit {
  const { options, tiers, runtime } = registry.get(policy, place);
  const other = Object.keys(use).find((member) => !USE_MEMBERS.some((known) => known === member));
  if (other !== undefined) {
    throw new ThrottleConfigError(
      'SLUICE_MISPLACED_OPTION',
      `${place}: "${other}" cannot be set where the policy "${policy}" is used. Change policies.${policy}, or set only ${USE_MEMBERS.join(', ')} here.`,
    );
  }
  const { context = {} } = use;
  const merged = {
    scope: 'app',
    ...options,
    ...use,
    // `declareLimit` reports a context that is not an object.
    context: isObject(context) ? { ...options.context, ...context } : context,
  };
  return { ...declareLimit(merged, level, place), tiers, runtime };
}

/** Returns a limit. Throws if a policy of the module has its name. */
function checkName(limit: DeclaredLimit, registry: PolicyRegistry): DeclaredLimit {
  const { name } = limit.options;
  if (name === undefined || !registry.has(name)) return limit;
  throw new ThrottleConfigError(
    'SLUICE_DUPLICATE_POLICY',
    `${limit.place}: the module already has a policy named "${name}". Use it, @Throttle("${name}"), or choose another name.`,
  );
}

function assertSkipsKnown(
  { skips, label }: ResolvedDeclaration,
  farther: readonly DeclaredLimit[],
  registry: PolicyRegistry,
): void {
  if (skips.length === 0) return;
  const known = [...new Set([DEFAULT_NAME, ...registry.names, ...farther.map(nameOf)])];
  const unknown = skips.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ThrottleConfigError(
    'SLUICE_UNKNOWN_POLICY',
    `@SkipThrottle("${unknown}") ${label}: no policy has this name.${suggest(unknown, known)}`,
  );
}
