import type { Backend } from '../backends/backend.js';
import type { HoldStore } from '../backends/hold-store.js';
import { MemoryBackend } from '../backends/memory/memory.backend.js';
import { NOTHING_TO_CHARGE } from '../core/decision.js';

const UNLIMITED_HOLDS: HoldStore = {
  take: () => NOTHING_TO_CHARGE,
  peek: () => NOTHING_TO_CHARGE,
  extend: (holds) => holds.map(() => true),
  grow: () => undefined,
  end: (holds) => holds.map(() => true),
};

/**
 * Returns a backend that allows every call and counts nothing. It stores settings and blocks, but they have no effect.
 * It has all optional parts of a backend that a policy or a method may need, so that no application is refused.
 */
export function unlimitedBackend(): Backend {
  const { settings, blocks } = new MemoryBackend();
  return Object.freeze({
    spend: () => NOTHING_TO_CHARGE,
    peek: () => NOTHING_TO_CHARGE,
    settle: () => {},
    credit: () => {},
    reset: () => {},
    holds: UNLIMITED_HOLDS,
    settings,
    blocks,
  });
}
