import { assertKnownMembers, invalidValue, optionAt, ThrottleConfigError } from '../../core/errors.js';
import { missingValue } from '../../core/value-options.js';
import { MAX_PERMITS } from '../../strategies/held/define-held-policy.js';

/** The valid values of the option `concurrency`, for error messages. */
export const A_CONCURRENCY =
  'a whole number of permits, at least 1, or options { limit, weight?, ttlMs?, queue?, status? }';

const MEMBERS: readonly string[] = ['limit', 'weight', 'ttlMs', 'queue', 'status'];
const QUEUE_MEMBERS: readonly string[] = ['max', 'waitMs'];

/** The shortest `ttlMs`: long enough for three heartbeats on a slow network. */
const MIN_TTL_MS = 1000;
const MAX_TTL_MS = 3_600_000;
/** The largest queue, and the longest wait: after that a client has usually given up. */
const MAX_QUEUE = 100_000;
const MAX_WAIT_MS = 600_000;

/** Throws for an option of `concurrency` beside it. @throws ThrottleConfigError saying where it belongs */
export function assertNoneOfConcurrency(place: string, options: object): void {
  const inQueue = QUEUE_MEMBERS.find((one) => one in options);
  // Without a concurrency, `max`, `limit` and `status` may be meant as something else.
  const inside = ['queue', 'ttlMs', 'weight', ...('concurrency' in options ? MEMBERS : [])].find(
    (one) => one in options,
  );
  const member = inside ?? ('concurrency' in options || inQueue === 'waitMs' ? inQueue : undefined);
  if (member === undefined) return;
  const form =
    QUEUE_MEMBERS.includes(member) || member === 'queue' ? A_FORM : `{ concurrency: { limit: 5, ${member} } }`;
  throw new ThrottleConfigError(
    'SLUICE_MISPLACED_OPTION',
    `${place}: there is no option "${member}" here. It belongs in \`concurrency\`: ${form}.`,
  );
}

const A_FORM = '{ concurrency: { limit: 5, queue: { max: 10, waitMs: 5000 } } }';

/**
 * Checks the option `concurrency` of a limit.
 *
 * @throws ThrottleConfigError naming the place and the member
 */
export function assertConcurrency(
  place: string,
  options: { readonly concurrency?: unknown; readonly lease?: unknown },
): void {
  const path = optionAt(place, 'concurrency');
  const { concurrency } = options;
  if ('lease' in options) {
    throw new ThrottleConfigError(
      'SLUICE_LEASE_CONFLICT',
      `${path}: cannot be combined with a lease, because the backend holds the permits, and leased units are spent without it. Leave one of the two options out.`,
    );
  }
  if (typeof concurrency === 'object' && concurrency !== null && !Array.isArray(concurrency)) {
    assertMembers(path, concurrency);
  } else if (!isWhole(concurrency, 1, MAX_PERMITS)) {
    throw invalidValue(path, A_CONCURRENCY, concurrency);
  }
}

function assertMembers(path: string, options: object): void {
  const queued = QUEUE_MEMBERS.find((one) => one in options);
  if (queued !== undefined) {
    throw new ThrottleConfigError(
      'SLUICE_MISPLACED_OPTION',
      `${path}: there is no option "${queued}" here. It belongs in its \`queue\`: ${A_FORM}.`,
    );
  }
  assertKnownMembers(path, options, MEMBERS);
  const { limit, weight, ttlMs, queue, status }: Partial<Record<string, unknown>> = { ...options };
  assertWhole(`${path}.limit`, limit, 1, MAX_PERMITS);
  if ('weight' in options && typeof weight !== 'function') assertWhole(`${path}.weight`, weight, 1, Number(limit));
  if (typeof weight === 'function' && weight.length > 1) {
    throw invalidValue(`${path}.weight`, 'a function of the call with one parameter', weight);
  }
  if (ttlMs !== undefined) assertWhole(`${path}.ttlMs`, ttlMs, MIN_TTL_MS, MAX_TTL_MS, 'milliseconds, ');
  if (queue !== undefined) assertQueue(`${path}.queue`, queue);
  if (status !== undefined && status !== 429 && status !== 503)
    throw invalidValue(`${path}.status`, '429 or 503', status);
}

function assertQueue(path: string, queue: unknown): void {
  if (typeof queue !== 'object' || queue === null || Array.isArray(queue)) {
    throw invalidValue(path, 'options { max, waitMs }', queue);
  }
  assertKnownMembers(path, queue, QUEUE_MEMBERS);
  const { max, waitMs }: Partial<Record<string, unknown>> = { ...queue };
  for (const member of QUEUE_MEMBERS) {
    if (!(member in queue))
      throw new ThrottleConfigError(
        'SLUICE_MISSING_VALUE',
        `${path}: expected options { max, waitMs }, but ${member} is missing. Add it.`,
      );
  }
  assertWhole(`${path}.max`, max, 1, MAX_QUEUE);
  assertWhole(`${path}.waitMs`, waitMs, 1, MAX_WAIT_MS, 'milliseconds, ');
}

function assertWhole(path: string, value: unknown, min: number, max: number, unit = ''): void {
  const expected = `${unit}a whole number from ${min} to ${max}`;
  if (value === undefined) throw missingValue(path, expected);
  if (!isWhole(value, min, max)) throw invalidValue(path, expected, value);
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}
