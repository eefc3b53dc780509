import { invalidValue } from './errors.js';

/** What answers when the backend fails: the same limits in this process, a pass, or a refusal. */
export type FailureMode = 'local' | 'allow' | 'deny';

/** One named limit, parsed, validated and frozen: `definePolicy` makes it. Whole numbers, whole milliseconds. */
export interface Policy {
  /** What headers, bodies and events call it. */
  readonly name: string;
  /** Name and scope: which budget. Limit and burst are no part of it, so that a changed plan keeps its usage. */
  readonly id: string;
  /** The strategy's name. */
  readonly strategy: string;
  /** Units a period. */
  readonly limit: number;
  readonly periodMs: number;
  /** Units that a bucket holds; equal to `limit` for the strategies that have no bucket. */
  readonly burst: number;
  /** Counters that a sliding window keeps; 1 for the others. */
  readonly segments: number;
  /** Strategy, period and segments: what a state must have been written under to be read. */
  readonly shape: string;
  /** What answers when the backend fails; where it is left out, what the module says. */
  readonly onError?: FailureMode;
  /** Where units are taken from a remote backend in batches, and spent in the process: at least so many at once. */
  readonly lease?: { readonly batch: number };
}

/** Whether a value is one of the three. */
export function isFailureMode(value: unknown): value is FailureMode {
  return value === 'local' || value === 'allow' || value === 'deny';
}

const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/** What unnamed limits are called. */
export const DEFAULT_NAME = 'default';

/** Whether a text can be a policy's name. */
export function isPolicyName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name) && name.toLowerCase() !== 'unlimited';
}

/** Throws unless `name` can be a policy's. */
export function assertPolicyName(place: string, name: unknown): asserts name is string {
  if (isPolicyName(name)) return;
  throw invalidValue(
    place,
    'a name of 1 to 64 letters, digits, "_", "." or "-" that begins with a letter and is not "unlimited"',
    name,
  );
}

/** Joins name and scope without ambiguity: no name holds an "@", and none is left in the scope. */
export function policyId(name: string, scope: string): string {
  return `${name}@${scope.replace(/[%@]/g, encodeURIComponent)}`;
}
