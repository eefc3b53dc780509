import type { Clock } from '../../core/clock.js';
import type { Charge } from '../../core/decision.js';
import { mapKey } from '../../core/key.js';
import { isOfKind, type OverrideRate } from '../overrides/overridden-policy.js';
import type { UnreadableSettings } from '../overrides/unreadable-settings.js';
import type {
  NewOverride,
  NewPolicyChange,
  Override,
  OverrideTarget,
  Page,
  PageRequest,
  PolicyChange,
  SettingsStore,
} from '../settings-store.js';

/** The minimum number of overrides at which expired ones are searched. */
const MIN_SWEEP = 1000;

/**
 * Settings in this process, for as long as it runs. An expired override is dropped when it is looked up. All expired
 * ones are dropped whenever the number of overrides has doubled since the last time.
 */
export class MemorySettings implements SettingsStore {
  readonly #overrides = new Map<string, Override>();
  readonly #changes = new Map<string, PolicyChange>();
  #version = 0;
  #sweepAbove = MIN_SWEEP;

  constructor(
    private readonly clock: Clock,
    private readonly unreadable?: UnreadableSettings,
  ) {}

  /** Returns the rate of the first subject in `overriddenBy` that has an override, or undefined. */
  rateFor({ policy, overriddenBy = [], unlimited }: Charge, now: number): OverrideRate | undefined {
    const { name } = policy;
    for (const subject of overriddenBy) {
      const override = this.#overrides.get(keyOf({ policy: name, subject }));
      if (override === undefined || isOver(override, now)) continue;
      const { rate } = override;
      if (rate === 'unlimited' || isOfKind(rate, policy)) return rate;
      this.unreadable?.report({ what: 'override', policy: name, subject });
    }
    return unlimited ? 'unlimited' : undefined;
  }

  setOverride({ policy, subject, rate, expiresInMs }: NewOverride): Override {
    const expiry = expiresInMs === undefined ? {} : { expiresAt: this.clock.now() + expiresInMs };
    const override: Override = Object.freeze({ policy, subject, rate, ...expiry });
    this.#overrides.set(keyOf(override), override);
    if (this.#overrides.size > this.#sweepAbove) this.#dropExpired();
    return override;
  }

  getOverride(target: OverrideTarget): Override | undefined {
    const key = keyOf(target);
    const override = this.#overrides.get(key);
    if (override === undefined || !isOver(override, this.clock.now())) return override;
    this.#overrides.delete(key);
    return undefined;
  }

  deleteOverride(target: OverrideTarget): boolean {
    const found = this.getOverride(target);
    this.#overrides.delete(keyOf(target));
    return found !== undefined;
  }

  listOverrides(policy: string | undefined, { cursor = '', limit }: PageRequest): Page<Override> {
    this.#dropExpired();
    const isListed = ([key, override]: readonly [string, Override]) =>
      key > cursor && (policy === undefined || override.policy === policy);
    const later = [...this.#overrides].filter(isListed).sort(([a], [b]) => (a < b ? -1 : 1));
    const page = later.slice(0, limit);
    const entries = page.map(([, override]) => override);
    const last = page.at(-1)?.[0];
    return last === undefined || page.length === later.length ? { entries } : { entries, cursor: last };
  }

  #dropExpired(): void {
    const now = this.clock.now();
    for (const [key, override] of this.#overrides) if (isOver(override, now)) this.#overrides.delete(key);
    this.#sweepAbove = Math.max(MIN_SWEEP, 2 * this.#overrides.size);
  }

  changePolicy(change: NewPolicyChange): PolicyChange {
    const made: PolicyChange = { ...change, changedAt: this.clock.now() };
    this.#changes.set(change.policy, Object.freeze({ ...this.#changes.get(change.policy), ...made }));
    this.#version += 1;
    return made;
  }

  resetPolicy(policy: string): void {
    this.#changes.delete(policy);
    this.#version += 1;
  }

  listPolicyChanges(): readonly PolicyChange[] {
    return [...this.#changes.values()];
  }

  version(): number {
    return this.#version;
  }
}

/** A policy's name has no space. */
function keyOf({ policy, subject }: OverrideTarget): string {
  return `${policy} ${mapKey(subject)}`;
}

function isOver({ expiresAt }: Override, now: number): boolean {
  return expiresAt !== undefined && now >= expiresAt;
}
