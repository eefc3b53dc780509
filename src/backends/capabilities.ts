import { ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { Backend } from './backend.js';
import { BackendLayer } from './backend-layer.js';
import type { SettingsStore } from './settings-store.js';

/** An optional part of a backend. */
export type Capability = 'holds' | 'settings' | 'blocks';

const PURPOSES: Readonly<Record<Capability, string>> = {
  holds: 'holds units while a call runs',
  settings: 'stores limits that change at run time',
  blocks: 'blocks subjects',
};

/**
 * Throws unless a backend has the part that a feature of a policy needs. Called at startup for each such policy, and
 * for each charge that needs more than the policy says.
 *
 * @param feature the option that needs it, such as `concurrency`
 * @throws ThrottleConfigError naming the policy, the option and the missing part
 * @example
 * assertCapable(backend, policy, 'holds', 'concurrency');
 */
export function assertCapable(
  backend: Backend,
  policy: Pick<Policy, 'name'>,
  capability: Capability,
  feature: string,
): void {
  if (backend[capability] === undefined) throw incapable(nameOf(backend), policy, capability, feature);
}

/**
 * Returns what a backend keeps of limits that change at run time.
 *
 * @param place what needs it, for the error
 * @throws ThrottleConfigError if the backend keeps none
 */
export function settingsOf(backend: Backend, place: string): SettingsStore {
  const { settings } = backend;
  if (settings !== undefined) return settings;
  throw new ThrottleConfigError(
    'SLUICE_UNSUPPORTED_BACKEND',
    `${place}: needs a backend that ${PURPOSES.settings}, and ${nameOf(backend)} has no \`settings\`. Use another backend.`,
  );
}

/** Returns the name of the class of a backend, below its layers. */
function nameOf(backend: Backend): string {
  return backend instanceof BackendLayer ? backend.innermostName : backend.constructor.name;
}

/** The error for a feature of a policy that needs a part which the backend of that name does not have. */
function incapable(
  backend: string,
  { name }: Pick<Policy, 'name'>,
  capability: Capability,
  feature: string,
): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_UNSUPPORTED_BACKEND',
    `policy "${name}": \`${feature}\` needs a backend that ${PURPOSES[capability]}, and ${backend} has no \`${capability}\`. Leave \`${feature}\` out, or use another backend.`,
  );
}
