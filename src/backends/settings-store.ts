import type { Awaitable } from '../core/awaitable.js';
import type { PolicyMode, StoredRate } from '../core/policy.js';

export type { StoredRate };

/**
 * The subject and the policy of an override. It holds for all budgets of policies of that name.
 *
 * @example
 * await backend.settings.getOverride({ policy: 'api', subject: 'user:42' });
 */
export interface OverrideTarget {
  /** The policy's name. */
  readonly policy: string;
  readonly subject: string;
}

/**
 * The rate of one subject under one policy, to be stored.
 *
 * @example
 * const override: NewOverride = { policy: 'api', subject: 'user:42', rate: 'unlimited', expiresInMs: 3_600_000 };
 */
export interface NewOverride extends OverrideTarget {
  /**
   * In place of the policy's own. It counts for policies of its strategy only, and for quotas of its unit only;
   * `unlimited` counts for all.
   */
  readonly rate: StoredRate | 'unlimited';
  /** Milliseconds, at least 1, after which the policy's own rate applies again. Default: never. */
  readonly expiresInMs?: number;
}

/**
 * An override as it is stored.
 *
 * @example
 * const { rate, expiresAt } = await throttle.overrides.set('api', 'user:42', '500/min', { expiresInMs: 3_600_000 });
 */
export interface Override extends OverrideTarget {
  readonly rate: StoredRate | 'unlimited';
  /** Epoch milliseconds, on the backend's clock, from which the policy's own rate applies again. Default: never. */
  readonly expiresAt?: number;
}

/**
 * A change to a policy, to be stored: it is in force in every process.
 *
 * @example
 * const change: NewPolicyChange = { policy: 'api', mode: 'monitor' };
 */
export interface NewPolicyChange {
  /** The policy's name. */
  readonly policy: string;
  /** In place of the rate in the code. Default: the one that is in force stays. */
  readonly rate?: StoredRate;
  /** In place of the mode in the code. Default: the one that is in force stays. */
  readonly mode?: PolicyMode;
}

/**
 * A change to a policy as it is stored.
 *
 * @example
 * const changes: readonly PolicyChange[] = await backend.settings.listPolicyChanges();
 */
export interface PolicyChange extends NewPolicyChange {
  /** When the last part of it was made, in epoch milliseconds on the backend's clock. */
  readonly changedAt: number;
}

/**
 * Which page of a list is wanted.
 *
 * @example
 * const first: PageRequest = { limit: 100 };
 */
export interface PageRequest {
  /** The `cursor` of the previous page. Default: the first page. */
  readonly cursor?: string;
  /** The maximum number of entries, 1 to 1000. */
  readonly limit: number;
}

/**
 * A page of a list. If `cursor` is missing, it is the last one. A page with a `cursor` may be shorter than requested,
 * or empty.
 *
 * @example
 * const { entries, cursor }: Page<Override> = await throttle.overrides.list('api');
 */
export interface Page<T> {
  /** The entries of this page. */
  readonly entries: readonly T[];
  /** Pass it to get the next page. Missing on the last page. */
  readonly cursor?: string;
}

/**
 * Limits that change while the service runs, kept where the state is: overrides, which the backend applies to charges
 * that name their subjects in `overriddenBy`, and changes to policies, which each process reads when the version has
 * changed.
 *
 * Both are kept until they are deleted or expire. A backend checks no rate: who stores one has validated it. A stored
 * value that the backend cannot read counts as none; `unreadable` is emitted.
 */
export interface SettingsStore {
  /** Stores an override, and replaces the previous one. The next charge that names its subject sees it. */
  setOverride(override: NewOverride): Awaitable<Override>;
  /** Returns the override of exactly this subject, unless it has expired. */
  getOverride(target: OverrideTarget): Awaitable<Override | undefined>;
  /** Deletes an override. Returns false if there is none. */
  deleteOverride(target: OverrideTarget): Awaitable<boolean>;
  /**
   * Lists the overrides of a policy, or of all. An override that is set or deleted during the listing may be missing.
   */
  listOverrides(policy: string | undefined, page: PageRequest): Awaitable<Page<Override>>;
  /**
   * Stores a change and a new version atomically. Members that the change omits keep their stored values: if two
   * processes change one policy at the same time, one its rate and the other its mode, both changes are kept. Returns
   * the change with its instant.
   */
  changePolicy(change: NewPolicyChange): Awaitable<PolicyChange>;
  /** Takes back the changes to a policy, and changes the version. */
  resetPolicy(policy: string): Awaitable<void>;
  /** Lists the changes that are in force, in no particular order. */
  listPolicyChanges(): Awaitable<readonly PolicyChange[]>;
  /** A number that differs after each change to a policy. Cheap: every process asks twice a second. */
  version(): Awaitable<number>;
}
