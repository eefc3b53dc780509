import { invalidValue } from '../../core/errors.js';

export interface LeasingOptions {
  /** Milliseconds that a call waits at most, at least 1, where it takes several leases in a row. Default: as long as they take. */
  readonly timeoutMs?: number;
  /** Milliseconds for which a denial of a call that is leased in part is remembered at most; 0: not at all. Default: 1000. */
  readonly denyMemoryMs?: number;
  /** Denials remembered at most, at least 1. Default: 10 000. */
  readonly maxDenials?: number;
}

/** @throws ThrottleConfigError naming the option of `place` that does not fit */
export function assertLeasingOptions(place: string, options: LeasingOptions): void {
  const { timeoutMs, denyMemoryMs, maxDenials } = options;
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs < 2 ** 31)) {
    throw invalidValue(`${place}: timeoutMs`, 'a whole number of milliseconds, at least 1', timeoutMs);
  }
  if (denyMemoryMs !== undefined && !(Number.isSafeInteger(denyMemoryMs) && denyMemoryMs >= 0)) {
    throw invalidValue(`${place}: denyMemoryMs`, 'a whole number of milliseconds, at least 0', denyMemoryMs);
  }
  if (maxDenials !== undefined && !(Number.isSafeInteger(maxDenials) && maxDenials >= 1)) {
    throw invalidValue(`${place}: maxDenials`, 'a whole number of at least 1', maxDenials);
  }
}
