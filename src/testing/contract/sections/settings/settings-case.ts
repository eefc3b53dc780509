import type { Backend } from '../../../../backends/backend.js';
import type { SettingsStore } from '../../../../backends/settings-store.js';
import type { ManualClock } from '../../../../core/clock.js';
import type { Policy, StoredRate } from '../../../../core/policy.js';
import type { Bench } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';

export const five: StoredRate = { strategy: 'fixed-window', limit: 5, periodMs: 60_000, burst: 5, segments: 1 };
export const twenty: StoredRate = { strategy: 'token-bucket', limit: 20, periodMs: 1000, burst: 40, segments: 1 };

/** A backend with settings, without any state. */
export interface Opened {
  readonly store: SettingsStore;
  readonly clock: ManualClock;
  readonly backend: Backend;
}

/** Adds a case for backends with settings: it passes for others. */
export function settingsCase(
  suite: Suite<Bench>,
  name: string,
  body: (opened: Opened) => Promise<void>,
  startMs?: number,
): void {
  suite.case(name, async ({ open }) => {
    const { backend, clock } = await open(startMs);
    if (backend.settings !== undefined) await body({ store: backend.settings, clock, backend });
  });
}

/** Returns the rate of a policy, to set it as an override of another one. */
export function rateOf({ strategy, limit, periodMs, burst, segments }: Policy): StoredRate {
  return { strategy, limit, periodMs, burst, segments };
}
