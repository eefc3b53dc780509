import type { Backend } from '../backends/backend.js';
import type { HoldStore } from '../backends/hold-store.js';
import { MemorySettings } from '../backends/memory/memory-settings.js';
import { systemClock } from '../core/clock.js';
import { NOTHING_TO_CHARGE } from '../core/decision.js';

const UNLIMITED_HOLDS: HoldStore = {
  take: () => NOTHING_TO_CHARGE,
  peek: () => NOTHING_TO_CHARGE,
  extend: (holds) => holds.map(() => true),
  grow: () => undefined,
  end: (holds) => holds.map(() => true),
};

/** Returns a backend that allows every call and counts nothing. It stores settings, but they have no effect. */
export function unlimitedBackend(): Backend {
  return Object.freeze({
    spend: () => NOTHING_TO_CHARGE,
    peek: () => NOTHING_TO_CHARGE,
    settle: () => {},
    reset: () => {},
    holds: UNLIMITED_HOLDS,
    settings: new MemorySettings(systemClock),
  });
}
