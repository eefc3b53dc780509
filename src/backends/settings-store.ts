import type { Awaitable } from '../core/awaitable.js';
import type { Target } from '../core/decision.js';
import type { Policy } from '../core/policy.js';

/** The numbers of a rate, resolved and validated before they are stored. */
export type StoredRate = Pick<Policy, 'limit' | 'periodMs' | 'burst' | 'segments'>;

/** The rate of one subject under one policy, in place of the policy's own. */
export interface Override extends Target {
  readonly rate: StoredRate;
  /** Epoch milliseconds from which the policy's own rate applies again. Default: never. */
  readonly expiresAt?: number;
}

/** A change to a policy, made while the service runs and in force in every process. */
export interface PolicyChange {
  /** The policy's name. */
  readonly policy: string;
  readonly rate?: StoredRate;
  readonly mode?: 'on' | 'off' | 'monitor';
  /** When it was made, in epoch milliseconds. */
  readonly changedAt: number;
}

/** Which part of a list is wanted. */
export interface PageRequest {
  /** The `cursor` of the page before. Default: the beginning. */
  readonly cursor?: string;
  /** Entries at most, 1 to 1000. */
  readonly limit: number;
}

/** A part of a list, and where the next one begins: nowhere if `cursor` is missing. */
export interface Page<T> {
  readonly entries: readonly T[];
  readonly cursor?: string;
}

/**
 * Limits that change while the service runs, kept where the state is: overrides, which the backend applies to charges that name
 * them in `overriddenBy`, and changes to policies, which each process reads when the version has changed.
 */
export interface SettingsStore {
  /** Stores an override. The next charge that names its subject sees it. */
  setOverride(override: Override): Awaitable<void>;
  getOverride(target: Target): Awaitable<Override | undefined>;
  deleteOverride(target: Target): Awaitable<void>;
  /** Lists the overrides of a policy, or of all. An override that is set or deleted meanwhile may be missing. */
  listOverrides(policy: Policy | undefined, page: PageRequest): Awaitable<Page<Override>>;
  /** Stores a change in place of the policy's last one, and changes the version. */
  changePolicy(change: PolicyChange): Awaitable<void>;
  /** Takes back the changes to a policy, and changes the version. */
  resetPolicy(policy: string): Awaitable<void>;
  listPolicyChanges(): Awaitable<readonly PolicyChange[]>;
  /** A number that differs after each change to a policy. Cheap: every process asks twice a second. */
  version(): Awaitable<number>;
}
