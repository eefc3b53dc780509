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
 * A change to a policy while the service runs. What is left out stays as it is; at least one is required.
 *
 * @example
 * const update: PolicyUpdate = { rate: '500/min', mode: 'on' };
 */
export interface PolicyUpdate {
  /** One rate, `"<count>/<unit>"`. The burst is the policy's own, or the default of its strategy, unless `burst` is given, too. */
  readonly rate?: RateText;
  /** Units that a bucket holds, at least 1; for bucket strategies only. */
  readonly burst?: number;
  /** Goes before every mode in the code, also that of a use of the policy, and a function. */
  readonly mode?: PolicyMode;
}

/**
 * A policy as it is in the code and as it is in force.
 *
 * @example
 * const changed = (await throttle.policies.list()).filter(({ changedAt }) => changedAt !== undefined);
 */
export interface PolicyState {
  /** Its name. */
  readonly policy: string;
  /** The rates in the code; empty for `unlimited`; undefined for a function of the call. */
  readonly configured: readonly StoredRate[] | undefined;
  /** The rates in force. A plan, and an override, go before them. */
  readonly effective: readonly StoredRate[] | undefined;
  /** The mode in force; undefined for a function of the call. A handler that uses the policy in a mode of its own may have another. */
  readonly mode: PolicyMode | undefined;
  /** When the policy was changed, in epoch milliseconds on the backend's clock. Missing for one that is as in the code. */
  readonly changedAt?: number;
}

const MEMBERS: readonly string[] = ['rate', 'burst', 'mode'];
const AN_UPDATE = 'a change such as { rate: "500/min" } or { mode: "monitor" }';

/**
 * Changes the policies of the module while the service runs. A change is kept in the backend, outlives restarts, and is in force in
 * all processes with the option `runtimePolicies`, within a second. With a `MemoryBackend` it is kept for the life of the process.
 *
 * All methods reject with a ThrottleConfigError if the backend stores no settings, and with the backend's error if it does not answer.
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
   * Changes a policy: one of the option `policies`, or of `forFeature`. It is in force here when this resolves. Another period starts
   * a new count; another limit keeps the usage.
   *
   * @throws ThrottleConfigError for an unknown policy, a policy with a `lease`, and a change that does not fit; nothing is stored
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
   * Takes back what was changed of a policy: it is as in the code again. Also for a policy that is no longer in the code, whose change
   * is still stored.
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

  /** Lists all policies of the module, with the changes that are stored now. */
  async list(): Promise<readonly PolicyState[]> {
    return this.changes.run('policies.list()', async () =>
      this.registry.names.flatMap((name) => {
        const policy = this.registry.runtime(name);
        return policy === undefined ? [] : [stateOf(policy)];
      }),
    );
  }

  /** The rate that an update sets; undefined if it sets none. */
  #rateOf(policy: RuntimePolicy, { rate, burst }: PolicyUpdate, place: string): StoredRate | undefined {
    if (rate === undefined && burst === undefined) return undefined;
    const [effective] = policy.effective ?? [];
    const text = rate ?? (effective && rateText(effective, effective.strategy));
    if (text === undefined) {
      throw new ThrottleConfigError(
        'SLUICE_MISSING_VALUE',
        `${place}.burst: the rate of the policy is a function of the call. Say the rate, too: { rate: "500/min", burst: 50 }.`,
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
      `${place}: no policy of that name.${suggest(name, this.registry.names)}`,
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
