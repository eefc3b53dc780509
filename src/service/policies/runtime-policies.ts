import type { NewPolicyChange } from '../../backends/settings-store.js';
import { assertKnownMembers, invalidArgument, invalidValue, suggest, ThrottleConfigError } from '../../core/errors.js';
import type { PolicyName } from '../../core/literals/policy-name.js';
import { isPolicyMode, type PolicyMode, type StoredRate, storedRateOf } from '../../core/policy.js';
import type { RateText } from '../../core/rate.js';
import { assertNotMissing } from '../../core/value-options.js';
import { isObject } from '../../planning/option-checks.js';
import type { PolicyRegistry } from '../../planning/policy-registry.js';
import type { RuntimePolicy } from '../../planning/runtime/runtime-policy.js';
import { rateText } from '../../strategies/calendar/quota-options.js';
import { methodPlace } from '../service-arguments.js';
import type { PolicyChanges } from './policy-changes.js';

/**
 * A run-time change to a policy. Omitted members stay as they are; at least one is required.
 *
 * @example
 * const update: PolicyUpdate = { rate: '500/min', mode: 'on' };
 */
export interface PolicyUpdate {
  /** One rate, `"<count>/<unit>"`. Without `burst`, the policy's own burst applies, or the default of its strategy. */
  readonly rate?: RateText;
  /** Units that a bucket holds, at least 1; for bucket strategies only. */
  readonly burst?: number;
  /** The mode. Takes precedence over all modes in the code, including those of uses of the policy, and functions. */
  readonly mode?: PolicyMode;
}

/**
 * A policy as configured in the code, and as in force.
 *
 * @example
 * const changed = (await throttle.policies.list()).filter(({ changedAt }) => changedAt !== undefined);
 */
export interface PolicyState {
  /** The policy's name. */
  readonly policy: string;
  /** The rates in the code; empty for `unlimited`; undefined for a function of the call. */
  readonly configured: readonly StoredRate[] | undefined;
  /** The rates in force. Plans and overrides take precedence over them. */
  readonly effective: readonly StoredRate[] | undefined;
  /** The mode in force; undefined for a function of the call. A handler may use the policy in another mode. */
  readonly mode: PolicyMode | undefined;
  /**
   * When the policy was changed, in epoch milliseconds on the backend's clock. Missing if it is as configured in the
   * code.
   */
  readonly changedAt?: number;
}

const MEMBERS: readonly string[] = ['rate', 'burst', 'mode'];
const AN_UPDATE = 'a change such as { rate: "500/min" } or { mode: "monitor" }';

/**
 * Changes the policies of the module at run time. A change is stored in the backend, survives restarts, and is in force
 * within a second in all processes with the option `runtimePolicies`. A `MemoryBackend` stores it until the process
 * ends.
 *
 * All methods reject with a ThrottleConfigError if the backend stores no settings, and with the backend's error if it
 * does not respond.
 *
 * @example
 * await throttle.policies.update('search', { mode: 'monitor' });
 */
export class RuntimePolicies {
  constructor(
    private readonly registry: PolicyRegistry,
    private readonly changes: PolicyChanges,
  ) {}

  /**
   * Changes a policy of the option `policies` or of `forFeature`. In this process the change is in force when this
   * resolves. A new period starts new counters; a new limit keeps the usage.
   *
   * @throws ThrottleConfigError for an unknown policy, a policy with a `lease`, and an invalid change; then nothing is
   *   stored
   * @example
   * await throttle.policies.update('search', { rate: '10/min' });
   * await throttle.policies.update('search', { mode: 'monitor' });   // the rate stays 10 a minute
   */
  async update(name: PolicyName, update: PolicyUpdate): Promise<PolicyState> {
    const place = methodPlace('policies.update', name);
    assertName(place, name);
    const policy = this.#get(name, place);
    assertUpdate(place, update);
    policy.assertChangeable(update.rate !== undefined || update.burst !== undefined);
    return this.changes.run(place, async (store) => {
      const rate = this.#rateOf(policy, update, place);
      const { mode } = update;
      const change: NewPolicyChange = { policy: name, ...(rate && { rate }), ...(mode && { mode }) };
      await this.changes.add(store, change);
      this.changes.follow();
      return stateOf(policy);
    });
  }

  /**
   * Removes the change of a policy, which is then again as configured in the code. Also works for a policy that is no
   * longer in the code, if its change is still stored.
   *
   * @throws ThrottleConfigError for an unknown policy that has no change
   */
  async reset(name: PolicyName): Promise<void> {
    const place = methodPlace('policies.reset', name);
    assertName(place, name);
    await this.changes.run(place, async (store) => {
      if (this.registry.runtime(name) === undefined) {
        const stored = await store.listPolicyChanges();
        if (!stored.some(({ policy }) => policy === name)) throw this.#unknown(name, place);
      }
      await store.resetPolicy(name);
      this.changes.apply(name, undefined);
      this.changes.follow();
    });
  }

  /** Lists all policies of the module, with the stored changes. */
  async list(): Promise<readonly PolicyState[]> {
    return this.changes.run('policies.list()', async () =>
      this.registry.names.flatMap((name) => {
        const policy = this.registry.runtime(name);
        return policy === undefined ? [] : [stateOf(policy)];
      }),
    );
  }

  /** Returns the rate that an update sets; undefined if it sets none. */
  #rateOf(policy: RuntimePolicy, { rate, burst }: PolicyUpdate, place: string): StoredRate | undefined {
    if (rate === undefined && burst === undefined) return undefined;
    const [effective] = policy.effective ?? [];
    const text = rate ?? (effective && rateText(effective, effective.strategy));
    if (text === undefined) {
      throw new ThrottleConfigError(
        'SLUICE_MISSING_VALUE',
        `${place}.burst: the rate of the policy is a function of the call, so a burst needs a rate. Set both: { rate: "500/min", burst: 50 }.`,
      );
    }
    const resolved = this.registry.changed(policy.name, { rate: text, ...(burst !== undefined && { burst }) }, place);
    policy.assertFits(resolved);
    return resolved;
  }

  #get(name: string, place: string): RuntimePolicy {
    const policy = this.registry.runtime(name);
    if (policy === undefined) throw this.#unknown(name, place);
    return policy;
  }

  #unknown(name: string, place: string): ThrottleConfigError {
    return new ThrottleConfigError(
      'SLUICE_UNKNOWN_POLICY',
      `${place}: no policy has this name.${suggest(name, this.registry.names)}`,
    );
  }
}

function assertName(place: string, name: unknown): asserts name is string {
  if (typeof name !== 'string') throw invalidArgument(place, "a policy's name", name);
}

function assertUpdate(place: string, update: unknown): asserts update is PolicyUpdate {
  if (!isObject(update) || Object.keys(update).length === 0) throw invalidArgument(place, AN_UPDATE, update);
  assertKnownMembers(place, update, MEMBERS);
  const { rate, burst, mode }: { rate?: unknown; burst?: unknown; mode?: unknown } = update;
  assertNotMissing(place, update, 'rate', 'a rate such as "5/min"');
  assertNotMissing(place, update, 'burst', 'a whole number of units, at least 1');
  if (rate !== undefined && typeof rate !== 'string')
    throw invalidValue(`${place}.rate`, 'a rate such as "5/min"', rate, 'SLUICE_INVALID_RATE');
  if (mode !== undefined && !isPolicyMode(mode))
    throw invalidArgument(`${place}.mode`, '"on", "off" or "monitor"', mode);
  if (rate === undefined && burst === undefined && mode === undefined) throw invalidArgument(place, AN_UPDATE, update);
}

function stateOf({ name, configured, effective, mode, change }: RuntimePolicy): PolicyState {
  return {
    policy: name,
    configured: configured?.map(storedRateOf),
    effective: effective?.map(storedRateOf),
    mode,
    ...(change !== undefined && { changedAt: change.changedAt }),
  };
}
