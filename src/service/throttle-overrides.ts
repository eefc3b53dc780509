import { isIP } from 'node:net';
import type { Backend } from '../backends/backend.js';
import { settingsOf } from '../backends/capabilities.js';
import type { Override, Page, SettingsStore } from '../backends/settings-store.js';
import { assertKnownMembers, invalidArgument, optionAt } from '../core/errors.js';
import type { Checked, CheckedOptions } from '../core/literals/checked-options.js';
import type { LimitName } from '../core/literals/policy-name.js';
import type { CheckedRate } from '../core/literals/rate-literal.js';
import { isPolicyName, storedRateOf } from '../core/policy.js';
import type { RateText, TextOrElse } from '../core/rate.js';
import { missingValue } from '../core/value-options.js';
import { isObject } from '../planning/option-checks.js';
import type { PolicyRegistry } from '../planning/policy-registry.js';
import type { CheckedSpecOption } from '../strategies/checked-spec.js';
import { subjectOf } from '../transports/identity/subject.js';
import { methodPlace } from './service-arguments.js';

/**
 * The rate of an override, with a burst.
 *
 * @example
 * await throttle.overrides.set('upload', subjectOf.user(42), { rate: '10/s', burst: 50 });
 */
export interface OverrideSpec {
  /** `"<count>/<unit>"`, or `unlimited`. */
  readonly rate: RateText;
  /**
   * Units that a bucket holds, at least 1. Default: the burst of the policy, if it has one; else the limit, or 1 for
   * `gcra`.
   */
  readonly burst?: number;
}

/** The type of a rate or options of an override. The strategy of the policy is not known here. */
type CheckedOverride<Rate> = Rate extends string
  ? CheckedRate<Rate>
  : CheckedOptions<Rate, OverrideSpec, { [Option in keyof Rate]: CheckedSpecOption<Rate, Option, string> }>;

/**
 * Options of `overrides.set`.
 *
 * @example
 * await throttle.overrides.set('api', subjectOf.user(42), '500/min', { expiresInMs: 3_600_000 });
 */
export interface OverrideOptions {
  /** Milliseconds, at least 1, after which the policy's own rate applies again. Default: never. */
  readonly expiresInMs?: number;
}

/**
 * Options of `overrides.list`.
 *
 * @example
 * await throttle.overrides.list('api', { limit: 20 });
 */
export interface OverrideListOptions {
  /** The `cursor` of the previous page. Default: the first page. */
  readonly cursor?: string;
  /** The maximum number of overrides, 1 to 1000. Default: 100. */
  readonly limit?: number;
}

const A_RATE = 'a rate such as "500/min", "unlimited", or options { rate, burst? }';
const A_SUBJECT = 'a subject, a string that is not empty; `subjectOf` writes those of the built-in `by`';
/** The longest expiry. Instants stay exact. */
const MAX_EXPIRY_MS = 2 ** 50;
const PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1000;

/**
 * Rates for single subjects, under policies with the option `overrides`. The backend stores them; they apply to the
 * next call in every process, until they are deleted or expire. `MemoryBackend` stores them until the process ends.
 *
 * All methods reject with a ThrottleConfigError for an invalid value, and with a BackendError if the backend does not
 * respond. `set` and `delete` may then have taken effect; both can be repeated.
 *
 * @example
 * await this.throttle.overrides.set('api', subjectOf.user(42), '1000/min', { expiresInMs: 3_600_000 });
 */
export class ThrottleOverrides {
  constructor(
    private readonly backend: Backend,
    private readonly registry: PolicyRegistry,
    private readonly warn: (message: string) => void,
  ) {}

  /**
   * Sets the rate of a subject under a policy; replaces a previous override. An override with the policy's period keeps
   * the usage of the subject; one with another period starts a new counter.
   *
   * @param policy a policy with the option `overrides`
   * @param subject the subject that the policy charges, or that the functions of `overrides` return; `subjectOf`
   *   returns those of the built-in `by`. For a plain address, which `by.ip()` never charges, a warning is logged
   * @param rate a rate, `unlimited`, or `{ rate, burst }`
   * @returns the stored override
   * @throws ThrottleConfigError before anything is stored
   * @example
   * await this.throttle.overrides.set('api', 'org:7', '5000/h');
   * await this.throttle.overrides.set('burst', subjectOf.user(42), { rate: '10/s', burst: 50 });
   */
  set<const Rate extends TextOrElse | OverrideSpec>(
    policy: LimitName,
    subject: string,
    rate: Checked<Rate, CheckedOverride<Rate>>,
    options?: OverrideOptions,
  ): Promise<Override>;
  async set(
    policy: string,
    subject: string,
    rate: string | OverrideSpec,
    options: OverrideOptions = {},
  ): Promise<Override> {
    const place = methodPlace('overrides.set', policy);
    const target = checkedTarget(place, policy, subject);
    const spec = checkedSpec(place, rate);
    const { expiresInMs } = checkedOptions(place, options, ['expiresInMs']);
    if (expiresInMs !== undefined) assertExpiry(place, expiresInMs);
    const overridden = this.registry.overridden(policy, spec, place);
    if (isIP(subject) !== 0) this.warn(bareAddressWarning(place, subject));
    const expiry = expiresInMs === undefined ? {} : { expiresInMs };
    if (overridden === undefined) return this.#store(place).setOverride({ ...target, rate: 'unlimited', ...expiry });
    return this.#store(place).setOverride({ ...target, rate: storedRateOf(overridden), ...expiry });
  }

  /** Returns the override of exactly this subject, or undefined if there is none or it has expired. */
  async get(policy: LimitName, subject: string): Promise<Override | undefined> {
    const place = methodPlace('overrides.get', policy);
    return this.#store(place).getOverride(checkedTarget(place, policy, subject));
  }

  /**
   * Deletes an override. Then the next override that applies to a call of the subject counts, or the policy's own rate.
   * Returns false if there is none.
   */
  async delete(policy: LimitName, subject: string): Promise<boolean> {
    const place = methodPlace('overrides.delete', policy);
    return this.#store(place).deleteOverride(checkedTarget(place, policy, subject));
  }

  /**
   * Returns a page of the overrides of a policy, or of all policies. The page has a `cursor` if there may be more.
   * Overrides that are set or deleted in the meantime may be missing.
   *
   * @example
   * let page = await this.throttle.overrides.list('api');
   * while (page.cursor !== undefined) page = await this.throttle.overrides.list('api', { cursor: page.cursor });
   */
  async list(policy?: LimitName, options: OverrideListOptions = {}): Promise<Page<Override>> {
    const place = 'overrides.list()';
    if (policy !== undefined && !isPolicyName(policy)) throw invalidArgument(place, "a policy's name", policy);
    const { cursor, limit = PAGE_SIZE } = checkedOptions(place, options, ['cursor', 'limit']);
    if (cursor !== undefined && typeof cursor !== 'string') {
      throw invalidArgument(optionAt(place, 'cursor'), 'the cursor of a page', cursor);
    }
    if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_PAGE_SIZE)) {
      throw invalidArgument(optionAt(place, 'limit'), `a whole number from 1 to ${MAX_PAGE_SIZE}`, limit);
    }
    return this.#store(place).listOverrides(policy, cursor === undefined ? { limit } : { limit, cursor });
  }

  #store(place: string): SettingsStore {
    return settingsOf(this.backend, place);
  }
}

/**
 * Returns the warning for a plain address. Subjects of `by.ip()` have another form, so such an override never applies.
 */
function bareAddressWarning(place: string, address: string): string {
  return (
    `${place}: the subject "${address}" is an address, and by.ip() charges "${subjectOf.ip(address)}", so this override does not apply to that client. ` +
    `Write throttle.subjectOf.ip("${address}"), unless a function of yours returns plain addresses.`
  );
}

function checkedTarget(place: string, policy: unknown, subject: unknown): { policy: string; subject: string } {
  if (!isPolicyName(policy)) throw invalidArgument(place, "a policy's name", policy);
  if (subject === undefined) throw missingValue(`${place}: subject`, A_SUBJECT);
  if (typeof subject !== 'string' || subject === '') throw invalidArgument(`${place}: subject`, A_SUBJECT, subject);
  return { policy, subject };
}

function checkedSpec(place: string, rate: unknown): OverrideSpec {
  if (rate === undefined) throw missingValue(`${place}: rate`, A_RATE);
  if (typeof rate === 'string') return { rate };
  if (!isSpec(rate)) throw invalidArgument(`${place}: rate`, A_RATE, rate);
  assertKnownMembers(place, rate, ['rate', 'burst']);
  if (rate.rate === undefined) throw missingValue(optionAt(place, 'rate'), 'a rate such as "500/min", or "unlimited"');
  if (rate.burst === undefined && 'burst' in rate) {
    throw missingValue(
      optionAt(place, 'burst'),
      'a whole number of units, at least 1',
      'Leave it out to keep the burst of the policy.',
    );
  }
  return rate;
}

function isSpec(rate: unknown): rate is OverrideSpec {
  return isObject(rate) && 'rate' in rate;
}

function checkedOptions<Options extends object>(place: string, options: Options, known: readonly string[]): Options {
  if (!isObject(options)) throw invalidArgument(place, `options { ${known.join(', ')} } as the last argument`, options);
  assertKnownMembers(place, options, known);
  return options;
}

function assertExpiry(place: string, expiresInMs: unknown): void {
  if (Number.isSafeInteger(expiresInMs) && Number(expiresInMs) >= 1 && Number(expiresInMs) <= MAX_EXPIRY_MS) return;
  throw invalidArgument(`${place}: expiresInMs`, 'a whole number of milliseconds from 1 to 2^50', expiresInMs);
}
