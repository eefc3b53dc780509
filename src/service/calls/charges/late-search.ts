import type { UserSearch } from '../../../transports/identity/user-lookup.js';

/** Notes what is not known in the guard phase: the limit waits for the handler phase then. */
export interface LateSearch extends UserSearch {
  isPlanMissing?: boolean;
  /** True if a function that finds whose overrides count found nobody yet. */
  isOverriderMissing?: boolean;
}
