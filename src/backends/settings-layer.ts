import type { Awaitable } from '../core/awaitable.js';
import type {
  NewOverride,
  NewPolicyChange,
  Override,
  OverrideTarget,
  Page,
  PageRequest,
  PolicyChange,
  SettingsStore,
} from './settings-store.js';

/** Settings around those of an inner backend: delegates every method, so a layer overrides only what it is about. */
export class SettingsLayer implements SettingsStore {
  constructor(protected readonly inner: SettingsStore) {}

  setOverride(override: NewOverride): Awaitable<Override> {
    return this.inner.setOverride(override);
  }

  getOverride(target: OverrideTarget): Awaitable<Override | undefined> {
    return this.inner.getOverride(target);
  }

  deleteOverride(target: OverrideTarget): Awaitable<boolean> {
    return this.inner.deleteOverride(target);
  }

  listOverrides(policy: string | undefined, page: PageRequest): Awaitable<Page<Override>> {
    return this.inner.listOverrides(policy, page);
  }

  changePolicy(change: NewPolicyChange): Awaitable<PolicyChange> {
    return this.inner.changePolicy(change);
  }

  resetPolicy(policy: string): Awaitable<void> {
    return this.inner.resetPolicy(policy);
  }

  listPolicyChanges(): Awaitable<readonly PolicyChange[]> {
    return this.inner.listPolicyChanges();
  }

  version(): Awaitable<number> {
    return this.inner.version();
  }
}
