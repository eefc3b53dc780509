import { invalidValue, optionAt, ThrottleConfigError } from '../core/errors.js';
import type { Limit } from '../decorators/policy-options.js';
import { type CompiledLimit, compileLimit, type Level } from './compiled-limit.js';
import { declarationsOfClass } from './declared-limits.js';
import type { PolicyRegistry } from './policy-registry.js';

type Class = abstract new (...args: never[]) => unknown;

/** What limits of sockets are called: they are no handler's, and written under these names. */
export type SocketLimitName = 'connections' | 'frames';

/** Say whose handler's a limit is, or what it is called; there is no choice here. */
const SETTLED = ['name', 'scope', 'manual'];

/**
 * Compiles a limit of new connections, or of frames.
 *
 * @param owner apart from whom it counts: no two owners share a budget
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
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidValue(place, 'a rate such as "10/min", or options with a rate', limit);
  }
  const settled = SETTLED.find((member) => member in options);
  if (settled !== undefined) {
    throw new ThrottleConfigError(`${optionAt(place, settled)}: has no place in a limit of ${name}. Leave it out.`);
  }
  const written = { options: { ...options, name, scope: 'handler' as const }, level, place };
  return compileLimit(written, { classId: owner, handlerId: owner }, registry.strategies);
}

/** The limit of a gateway's new connections: its own, or that of the nearest class it extends, else the module's. */
export function connectionLimitOf(
  type: Class,
  classId: string,
  ofModule: CompiledLimit | undefined,
  registry: PolicyRegistry,
): CompiledLimit | undefined {
  let limit = ofModule;
  for (const { connections, skipsAll, label } of declarationsOfClass(type, registry)) {
    const owner = { level: 'class' as const, owner: `${classId}/connections` };
    if (connections !== undefined) {
      limit = compileSocketLimit(`@Throttle ${label}, connections`, 'connections', connections, owner, registry);
    } else if (skipsAll) {
      limit = undefined;
    }
  }
  return limit;
}
