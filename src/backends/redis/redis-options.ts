import type { Clock } from '../../core/clock.js';
import { assertKnownMembers, invalidValue } from '../../core/errors.js';
import type { BackendEvent } from '../backend-events.js';
import { assertLeasingOptions } from '../leasing/leasing-options.js';
import { assertClient } from './clients/redis-client.js';

export interface RedisBackendOptions {
  /**
   * The beginning of all keys: 1 to 24 letters, digits, `_`, `.`, `:` or `-`. Applications on one Redis share the
   * budgets of equal policies, unless each has a prefix of its own. Default: `sluice`.
   */
  readonly prefix?: string;
  /** The maximum time that a call waits for Redis, in milliseconds, at least 1. Default: 100. */
  readonly timeoutMs?: number;
  /** A clock that decides instead of the server's: for tests. */
  readonly clock?: Clock;
  /**
   * Whether calls that arrive together are sent together. Set it to `false` for proxies that refuse a command with keys
   * of several slots. Default: true.
   */
  readonly batch?: boolean;
  /**
   * Milliseconds for which a denial is cached in this process, so that a flood of denied calls asks Redis once; 0: not
   * at all. A `refund` or `reset` by another process takes effect here after this time at the latest. Default: 1000.
   */
  readonly denyMemoryMs?: number;
  /** The maximum number of cached denials, at least 1. Default: 10 000. */
  readonly maxDenials?: number;
  readonly onEvent?: (event: BackendEvent) => void;
}

export const DEFAULT_PREFIX = 'sluice';
export const DEFAULT_TIMEOUT_MS = 100;
const PREFIX = /^[A-Za-z0-9_.:-]{1,24}$/;
const PLACE = 'RedisBackend';

/** @throws ThrottleConfigError that names the invalid option */
export function assertRedisOptions(client: unknown, options: RedisBackendOptions): void {
  assertClient(client);
  assertKnownMembers(PLACE, options, [
    'prefix',
    'timeoutMs',
    'clock',
    'batch',
    'denyMemoryMs',
    'maxDenials',
    'onEvent',
  ]);
  const { prefix, clock, batch, onEvent } = options;
  assertLeasingOptions(PLACE, options);
  if (prefix !== undefined && (typeof prefix !== 'string' || !PREFIX.test(prefix))) {
    throw invalidValue(`${PLACE}: prefix`, '1 to 24 letters, digits, "_", ".", ":" or "-"', prefix);
  }
  if (clock !== undefined && typeof clock.now !== 'function') throw invalidValue(`${PLACE}: clock`, 'a clock', clock);
  if (batch !== undefined && typeof batch !== 'boolean') throw invalidValue(`${PLACE}: batch`, 'true or false', batch);
  if (onEvent !== undefined && typeof onEvent !== 'function')
    throw invalidValue(`${PLACE}: onEvent`, 'a function', onEvent);
}
