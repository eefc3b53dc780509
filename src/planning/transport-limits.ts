import { invalidValue, optionAt, ThrottleConfigError } from '../core/errors.js';
import type { Limit } from '../decorators/policy-options.js';
import type { CompiledLimit } from './compiled-limit.js';
import { type Declaration, declareLimit, type Level } from './declared-limits.js';
import { isObject } from './option-checks.js';
import type { PolicyRegistry } from './policy-registry.js';

/** The names of the limits that belong to no handler. */
export type TransportLimitName = 'requests' | 'connections' | 'frames';

/** Options that such a limit cannot have: its scope and phase are fixed, and on sockets its name. */
const FIXED_OPTIONS: Readonly<Record<TransportLimitName, readonly string[]>> = {
  requests: ['scope', 'id', 'manual', 'phase', 'overrides', 'chargeWhen', 'concurrency'],
  connections: ['name', 'scope', 'manual', 'phase', 'overrides', 'chargeWhen', 'concurrency'],
  frames: ['name', 'scope', 'manual', 'phase', 'overrides', 'chargeWhen', 'concurrency'],
};

/**
 * Compiles a limit of all requests, of new connections, or of frames.
 *
 * @param owner identifies the budget; different owners have separate budgets
 * @throws ThrottleConfigError naming the place
 */
export function compileTransportLimit(
  place: string,
  name: TransportLimitName,
  limit: Limit,
  { level, owner }: { readonly level: Level; readonly owner: string },
  registry: PolicyRegistry,
): CompiledLimit {
  const options = typeof limit === 'string' ? { rate: limit } : limit;
  if (!isObject(options)) throw invalidValue(place, 'a rate such as "10/min", or options with a rate', limit);
  const fixed = FIXED_OPTIONS[name].find((member) => member in options);
  if (fixed !== undefined) {
    throw new ThrottleConfigError(
      'SLUICE_UNUSED_OPTION',
      `${optionAt(place, fixed)}: cannot be used in a limit of ${name}. Leave it out.`,
    );
  }
  const declared = declareLimit({ name, ...options, scope: 'handler' }, level, place);
  const [compiled] = registry.compile(declared, { classId: owner, handlerId: owner });
  if (compiled === undefined) throw new Error(`${place}: a limit without concurrency has one part`);
  return compiled;
}

/**
 * Compiles the limit of all requests, `requests` in the options of the module.
 *
 * @throws ThrottleConfigError naming the place, if it is invalid or a policy of the module has its name
 */
export function compileRequestLimit(place: string, limit: Limit, registry: PolicyRegistry): CompiledLimit {
  const compiled = compileTransportLimit(place, 'requests', limit, { level: 'module', owner: 'app' }, registry);
  if (!registry.has(compiled.name)) return compiled;
  throw new ThrottleConfigError(
    'SLUICE_DUPLICATE_POLICY',
    `${place}: a policy is already named "${compiled.name}". Rename this limit: { name: "all-requests" }.`,
  );
}

/**
 * Compiles the limit of a gateway's new connections: its own, or that of the nearest class it extends, or the module's.
 *
 * @param declarations of the gateway's classes, farthest first
 * @param connectionsId the owner of the gateway's own limit
 */
export function compileConnectionLimit(
  declarations: readonly Declaration[],
  connectionsId: string,
  moduleLimit: CompiledLimit | undefined,
  registry: PolicyRegistry,
): CompiledLimit | undefined {
  const owner = { level: 'class', owner: connectionsId } as const;
  let limit = moduleLimit;
  for (const { connections, skipsAll, label } of declarations) {
    if (connections !== undefined) {
      limit = compileTransportLimit(`@Throttle ${label}, connections`, 'connections', connections, owner, registry);
    } else if (skipsAll) {
      limit = undefined;
    }
  }
  return limit;
}
