import { invalidValue } from '../../core/errors.js';

export interface LeasingOptions {
  /**
   * Milliseconds that a call waits at most, at least 1. It matters if a call takes several leases in a row, since the
   * backend limits only each of its requests. Default: unlimited.
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds for which the denial of a partly leased call is cached at most; 0 disables the cache. Default: 1000.
   */
  readonly denyMemoryMs?: number;
  /** Denials cached at most, at least 1. Default: 10 000. */
  readonly maxDenials?: number;
}

/** @throws ThrottleConfigError naming the invalid option of `path` */
export function assertLeasingOptions(path: string, options: LeasingOptions): void {
  const { timeoutMs, denyMemoryMs, maxDenials } = options;
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs < 2 ** 31)) {
    throw invalidValue(`${path}: timeoutMs`, 'a whole number of milliseconds, at least 1', timeoutMs);
  }
  if (denyMemoryMs !== undefined && !(Number.isSafeInteger(denyMemoryMs) && denyMemoryMs >= 0)) {
    throw invalidValue(`${path}: denyMemoryMs`, 'a whole number of milliseconds, at least 0', denyMemoryMs);
  }
  if (maxDenials !== undefined && !(Number.isSafeInteger(maxDenials) && maxDenials >= 1)) {
    throw invalidValue(`${path}: maxDenials`, 'a whole number of at least 1', maxDenials);
  }
}
