import type { Backend } from '../backends/backend.js';
import { NOTHING_TO_CHARGE } from '../core/decision.js';

/** Allows every call and keeps nothing. */
export const unlimitedBackend: Backend = Object.freeze({
  spend: () => NOTHING_TO_CHARGE,
  peek: () => NOTHING_TO_CHARGE,
  settle: () => {},
  reset: () => {},
});
