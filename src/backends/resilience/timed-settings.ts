import type { RemoteSettings } from '../remote-store.js';
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

/** Remote settings with a deadline for each call. */
export class TimedSettings implements SettingsStore {
  /** @param dueMs returns the deadline of a call that begins now */
  constructor(
    private readonly remote: RemoteSettings,
    private readonly dueMs: () => number,
  ) {}

  setOverride(override: NewOverride): Promise<Override> {
    return this.remote.setOverride(override, this.dueMs());
  }

  getOverride(target: OverrideTarget): Promise<Override | undefined> {
    return this.remote.getOverride(target, this.dueMs());
  }

  deleteOverride(target: OverrideTarget): Promise<boolean> {
    return this.remote.deleteOverride(target, this.dueMs());
  }

  listOverrides(policy: string | undefined, page: PageRequest): Promise<Page<Override>> {
    return this.remote.listOverrides(policy, page, this.dueMs());
  }

  changePolicy(change: NewPolicyChange): Promise<PolicyChange> {
    return this.remote.changePolicy(change, this.dueMs());
  }

  resetPolicy(policy: string): Promise<void> {
    return this.remote.resetPolicy(policy, this.dueMs());
  }

  listPolicyChanges(): Promise<readonly PolicyChange[]> {
    return this.remote.listPolicyChanges(this.dueMs());
  }

  version(): Promise<number> {
    return this.remote.version(this.dueMs());
  }
}
