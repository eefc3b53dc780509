import { type Awaitable, isPromise } from '../../core/awaitable.js';
import { SettingsLayer } from '../settings-layer.js';
import type { NewOverride, OverrideTarget, SettingsStore } from '../settings-store.js';
import type { DenialCache } from './denial-cache.js';

/** Drops the cached denials of a subject when its override is set or deleted, so that the next call sees the change. */
export class DenialDroppingSettings extends SettingsLayer {
  constructor(
    inner: SettingsStore,
    private readonly denials: DenialCache,
  ) {
    super(inner);
  }

  override setOverride(override: NewOverride) {
    return this.#dropping(override, super.setOverride(override));
  }

  override deleteOverride(target: OverrideTarget) {
    return this.#dropping(target, super.deleteOverride(target));
  }

  /**
   * Drops denials after the change, because calls sent before it may resolve after it. Also after a failure, which may
   * have succeeded at the backend.
   */
  #dropping<T>(target: OverrideTarget, changed: Awaitable<T>): Awaitable<T> {
    const drop = () => this.denials.invalidateOverride(target);
    if (!isPromise(changed)) {
      drop();
      return changed;
    }
    return Promise.resolve(changed).finally(drop);
  }
}
