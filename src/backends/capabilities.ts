import { ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { Backend } from './backend.js';

/** An optional part of a backend. */
export type Capability = 'holds' | 'settings';

const PURPOSES: Readonly<Record<Capability, string>> = {
  holds: 'holds units while a call runs',
  settings: 'stores limits that change at run time',
};

/**
 * Throws unless a backend has the part that a feature of a policy needs. Called at startup for each such policy, and for each
 * charge that needs more than the policy says.
 *
 * @param feature the option that needs it, such as `concurrency`
 * @throws ThrottleConfigError naming the policy, the option and the missing part
 * @example
 * assertCapable(backend, policy, 'holds', 'concurrency');
 */
export function assertCapable(
  backend: Backend,
  { name }: Pick<Policy, 'name'>,
  capability: Capability,
  feature: string,
): void {
  if (backend[capability] !== undefined) return;
  throw new ThrottleConfigError(
    `policy "${name}": \`${feature}\` needs a backend that ${PURPOSES[capability]}, and ${backend.constructor.name} has no \`${capability}\`. Leave \`${feature}\` out, or use another backend.`,
  );
}
