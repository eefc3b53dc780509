import type {
  NewOverride,
  NewPolicyChange,
  Override,
  OverrideTarget,
  Page,
  PageRequest,
  PolicyChange,
  SettingsStore,
} from '../../backends/settings-store.js';
import type { Awaitable } from '../../core/awaitable.js';
import type { AnswerDeadlines } from './answer-deadlines.js';

/** Adds deadlines to a backend's settings. */
export class BoundedSettings implements SettingsStore {
  constructor(
    private readonly inner: SettingsStore,
    private readonly deadlines: AnswerDeadlines,
  ) {}

  setOverride(override: NewOverride): Awaitable<Override> {
    return this.deadlines.bound(this.inner.setOverride(override), 'settings.setOverride', [override]);
  }

  getOverride(target: OverrideTarget): Awaitable<Override | undefined> {
    return this.deadlines.bound(this.inner.getOverride(target), 'settings.getOverride', [target]);
  }

  deleteOverride(target: OverrideTarget): Awaitable<boolean> {
    return this.deadlines.bound(this.inner.deleteOverride(target), 'settings.deleteOverride', [target]);
  }

  listOverrides(policy: string | undefined, page: PageRequest): Awaitable<Page<Override>> {
    const targets = policy === undefined ? [] : [{ policy }];
    return this.deadlines.bound(this.inner.listOverrides(policy, page), 'settings.listOverrides', targets);
  }

  changePolicy(change: NewPolicyChange): Awaitable<PolicyChange> {
    return this.deadlines.bound(this.inner.changePolicy(change), 'settings.changePolicy', [change]);
  }

  resetPolicy(policy: string): Awaitable<void> {
    return this.deadlines.bound(this.inner.resetPolicy(policy), 'settings.resetPolicy', [{ policy }]);
  }

  listPolicyChanges(): Awaitable<readonly PolicyChange[]> {
    return this.deadlines.bound(this.inner.listPolicyChanges(), 'settings.listPolicyChanges', []);
  }

  version(): Awaitable<number> {
    return this.deadlines.bound(this.inner.version(), 'settings.version', []);
  }
}
