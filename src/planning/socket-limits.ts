import { invalidValue, optionAt, ThrottleConfigError } from '../core/errors.js';
import type { Limit } from '../decorators/policy-options.js';
import type { CompiledLimit } from './compiled-limit.js';
import { type Declaration, declareLimit, type Level } from './declared-limits.js';
import { isObject } from './option-checks.js';
import type { PolicyRegistry } from './policy-registry.js';

/** The limits of sockets that belong to no handler; also their names. */
export type SocketLimitName = 'connections' | 'frames';

/** Options that a limit of sockets cannot have: its name, scope and phase are fixed. */
const FIXED_OPTIONS = ['name', 'scope', 'manual', 'phase'];

/**
 * Compiles a limit of new connections, or of frames.
 *
 * @param owner whose budget it is; no two owners share one
 * @throws ThrottleConfigError naming the place
 */
export function compileSocketLimit(
  place: string,
  name: SocketLimitName,
  limit: Limit,
  { level, owner }: { readonly level: Level; readonly owner: string },
  registry: PolicyRegistry,
): CompiledLimit {
  const options = typeof limit === 'string' ? { rate: limit } : limit;
  if (!isObject(options)) throw invalidValue(place, 'a rate such as "10/min", or options with a rate', limit);
  const fixed = FIXED_OPTIONS.find((member) => member in options);
  if (fixed !== undefined) {
    throw new ThrottleConfigError(`${optionAt(place, fixed)}: has no place in a limit of ${name}. Leave it out.`);
  }
  const declared = declareLimit({ ...options, name, scope: 'handler' }, level, place);
  return registry.compile(declared, { classId: owner, handlerId: owner });
}

/**
 * Compiles the limit of a gateway's new connections: its own, else that of the nearest class it extends, else the
 * module's.
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
      limit = compileSocketLimit(`@Throttle ${label}, connections`, 'connections', connections, owner, registry);
    } else if (skipsAll) {
      limit = undefined;
    }
  }
  return limit;
}
