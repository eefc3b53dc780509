import type { UserSearch } from '../../../transports/identity/user-lookup.js';

/** Records what is not known in the guard phase. Then the limit is deferred to the handler phase. */
export interface LateSearch extends UserSearch {
  isPlanMissing?: boolean;
  /** True if a function for the subjects of overrides has found none yet. */
  isOverriderMissing?: boolean;
}
