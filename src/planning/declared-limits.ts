import { assertKnownMembers, invalidValue, optionAt, ThrottleConfigError } from '../core/errors.js';
import { DEFAULT_NAME, isPolicyName } from '../core/policy.js';
import { looksLikeRate } from '../core/rate.js';
import { missingValue } from '../core/value-options.js';
import { metadataOn, type ThrottleMetadata, type ThrottleUse } from '../decorators/metadata.js';
import {
  type Limit,
  type MoreOptions,
  POLICY_MEMBERS,
  type PolicyOptions,
  type What,
} from '../decorators/policy-options.js';
import { skipArgumentsFor, throttleArgumentsFor } from '../decorators/throttler-options.js';
import { type Class, chainOf, ownerOf } from './class-members.js';
import { assertNoneMisplaced, assertNoneMissing, assertPolicyOptions, isObject } from './option-checks.js';
import type { PolicyTiers } from './plans/plans.js';
import type { RuntimePolicy } from './runtime/runtime-policy.js';

/** Where a limit is declared: in the module, on a class, or on a method. */
export type Level = 'module' | 'class' | 'method';

/** The checked options of a limit, and where it is declared. */
export interface DeclaredLimit {
  readonly options: PolicyOptions;
  readonly level: Level;
  /** For errors: `@Throttle on ReportsController.list`. */
  readonly place: string;
  /** True for one of several unnamed limits of a declaration. Each gets its period in its name: `default-1s`. */
  readonly byPeriod?: boolean;
  /** True for the concurrency of a limit that also has a rate. The two are compiled separately. */
  readonly isBesideRate?: boolean;
  /** Its rates under the plans, if it is a policy that a plan names. */
  readonly tiers?: PolicyTiers | undefined;
  /** The policy of the module that it is or uses, if that may change at run time. */
  readonly runtime?: RuntimePolicy | undefined;
}

/** The use of a policy of the module by its name. */
export interface PolicyReference {
  readonly policy: string;
  readonly use: MoreOptions;
  readonly level: Level;
  readonly place: string;
}

/** The limits and skips of one class or method. */
export interface Declaration {
  /** For errors: `on ReportsController.list`. */
  readonly label: string;
  readonly limits: readonly (DeclaredLimit | PolicyReference)[];
  /** The limit of a gateway's new connections. */
  readonly connections: Limit | undefined;
  readonly skipsAll: boolean;
  /** The names of the limits that are skipped. */
  readonly skips: readonly string[];
}

/**
 * Pass 1: reads the declarations of a class and those it extends, farthest first, and of the method if one is given.
 *
 * @throws ThrottleConfigError naming the place
 */
export function declarationsOf(type: Class, method?: string): readonly Declaration[] {
  const onClasses = chainOf(type).map((one) => parseMetadata(metadataOn(one), 'class', `on ${one.name}`));
  if (method === undefined) return onClasses;
  const onMethod = metadataOn(ownerOf(type, method).prototype, method);
  return [...onClasses, parseMetadata(onMethod, 'method', `on ${type.name}.${method}`)];
}

/** The name of unnamed concurrency limits, which apply in addition to rates. */
const CONCURRENCY_NAME = 'concurrency';

/** Returns the name of a limit. If limits have the same name, the nearest one applies. */
export function nameOf(limit: DeclaredLimit | PolicyReference): string {
  if ('policy' in limit) return limit.policy;
  const { name, rate } = limit.options;
  return name ?? (rate === undefined ? CONCURRENCY_NAME : DEFAULT_NAME);
}

/** Checks the options of a limit. @throws ThrottleConfigError naming the place and the option */
export function declareLimit(options: unknown, level: Level, place: string): DeclaredLimit {
  assertPolicyOptions(place, options);
  return { options, level, place };
}

/**
 * If a declaration has several unnamed limits, marks them to be named by their periods.
 *
 * @throws ThrottleConfigError if two limits would have the same name
 */
export function distinguishUnnamed<T extends DeclaredLimit | PolicyReference>(limits: readonly T[]): readonly T[] {
  const unnamed = limits.filter((limit) => nameOf(limit) === DEFAULT_NAME);
  for (const limit of limits) {
    const { place } = limit;
    if (unnamed.includes(limit)) {
      if (unnamed.length > 1 && 'options' in limit && typeof limit.options.rate === 'function') {
        throw new ThrottleConfigError(
          'SLUICE_NAME_REQUIRED',
          `${place}: a rate that is a function needs a name if there is another limit. Add { name: "..." }.`,
        );
      }
    } else if (limits.filter((other) => nameOf(other) === nameOf(limit)).length > 1) {
      throw new ThrottleConfigError(
        'SLUICE_DUPLICATE_POLICY',
        `${place}: two policies are named "${nameOf(limit)}" here. Rename one of them.`,
      );
    }
  }
  if (unnamed.length < 2) return limits;
  return limits.map((limit) => (unnamed.includes(limit) ? { ...limit, byPeriod: true } : limit));
}

function parseMetadata({ limits: uses, skips }: ThrottleMetadata, level: Level, label: string): Declaration {
  const place = `@Throttle ${label}`;
  const parsed = uses.map((use) => parseUse(use, level, `${use.by ?? '@Throttle'} ${label}`));
  const declaration: Declaration = {
    label,
    limits: distinguishUnnamed(parsed.flatMap(({ limits }) => limits)),
    connections: connectionLimit(
      parsed.flatMap(({ connections }) => connections),
      level,
      place,
    ),
    skipsAll: skips.some((names) => names.length === 0),
    skips: skips.flat(),
  };
  assertSkips(declaration);
  return declaration;
}

/** One `@Throttle`: limits of calls, and limits of new connections, which belong to no handler. */
interface ParsedUse {
  readonly limits: readonly (DeclaredLimit | PolicyReference)[];
  readonly connections: readonly Limit[];
}

function parseUse(use: ThrottleUse, level: Level, place: string): ParsedUse {
  const { what, more } = use;
  const replacement = throttleArgumentsFor(what, more);
  if (replacement !== undefined) throw new ThrottleConfigError('SLUICE_THROTTLER_OPTIONS', `${place}: ${replacement}`);
  const options = 'more' in use ? parseMore(more, place) : {};
  const shared = withoutConnections(options);
  assertNoneMisplaced(place, shared);
  assertKnownMembers(place, shared, POLICY_MEMBERS);
  const entries = flatten(what, place);
  for (const entry of [options, ...entries]) {
    // Checked before they are merged, which would hide a missing value.
    if (typeof entry === 'object') assertNoneMissing(place, entry);
  }
  const ofCalls = entries.filter((entry) => !isOnlyConnections(entry));
  // The options belong to no limit, so `declareLimit` reports that the rate is missing.
  if (ofCalls.length === 0 && Object.keys(shared).length > 0) ofCalls.push({});
  return {
    limits: ofCalls.map((entry) => parseEntry(entry, shared, level, place)),
    connections: [options, ...entries].flatMap(connectionsIn),
  };
}

function connectionsIn(entry: string | MoreOptions): readonly Limit[] {
  return typeof entry === 'string' || entry.connections === undefined ? [] : [entry.connections];
}

function withoutConnections(options: MoreOptions): MoreOptions {
  if (!('connections' in options)) return options;
  const { connections, ...rest } = options;
  return rest;
}

function isOnlyConnections(entry: string | MoreOptions): boolean {
  return connectionsIn(entry).length > 0 && Object.keys(entry).length === 1;
}

function parseEntry(
  entry: string | MoreOptions,
  shared: MoreOptions,
  level: Level,
  place: string,
): DeclaredLimit | PolicyReference {
  if (typeof entry === 'object') return declareOnHandler({ ...withoutConnections(entry), ...shared }, level, place);
  if (looksLikeRate(entry)) {
    if (shared.rate !== undefined)
      throw invalidValue(optionAt(place, 'rate'), `none beside "${entry}"`, shared.rate, 'SLUICE_CONFLICTING_OPTIONS');
    return declareOnHandler({ ...shared, rate: entry }, level, place);
  }
  if (!isPolicyName(entry)) throw invalidValue(place, 'a rate such as "5/min", or the name of a policy', entry);
  return { policy: entry, use: shared, level, place: `@Throttle("${entry}")${place.slice('@Throttle'.length)}` };
}

/** Overrides are set by the name of a module policy, so a limit on a handler cannot have any. */
function declareOnHandler(options: MoreOptions, level: Level, place: string): DeclaredLimit {
  const declared = declareLimit(options, level, place);
  if (declared.options.overrides === undefined) return declared;
  throw new ThrottleConfigError(
    'SLUICE_MISPLACED_OPTION',
    `${optionAt(place, 'overrides')}: only a policy of the module can have overrides. Move the limit there, policies: { name: { rate, overrides } }, and refer to it by name.`,
  );
}

function flatten(what: What, place: string): (string | MoreOptions)[] {
  // Not `what.flatMap`, which skips holes.
  if (isList(what) && what.length > 0) return Array.from(what).flatMap((one) => flatten(one, place));
  if (!isList(what) && (typeof what === 'string' || isObject(what))) return [what];
  const expected = 'a rate such as "5/min", a policy\'s name, options with a rate, or a list of these';
  if (what === undefined) throw missingValue(place, expected);
  throw invalidValue(place, expected, what);
}

function parseMore(more: ThrottleUse['more'], place: string): MoreOptions {
  if (typeof more === 'number' || typeof more === 'function') return { cost: more };
  if (isObject(more)) return more;
  const argument = `${place}, second argument`;
  const expected = 'a cost (a whole number, or a function of the call) or options';
  if (more === undefined) throw missingValue(argument, expected, 'Leave the argument out for a cost of 1.');
  throw invalidValue(argument, expected, more);
}

/** Returns the one limit of connections that a class may declare. */
function connectionLimit([first, second]: readonly Limit[], level: Level, place: string): Limit | undefined {
  if (first !== undefined && level === 'method') {
    throw new ThrottleConfigError(
      'SLUICE_MISPLACED_OPTION',
      `${place}, connections: belongs on the class of a gateway, because clients connect to the gateway and not to a method. Move it there.`,
    );
  }
  if (second !== undefined) {
    throw new ThrottleConfigError(
      'SLUICE_CONFLICTING_OPTIONS',
      `${place}, connections: set twice here. Combine the rates: { connections: "10/s; 100/min" }.`,
    );
  }
  return first;
}

function assertSkips({ label, limits, connections, skipsAll, skips }: Declaration): void {
  for (const name of skips) assertSkippedName(`@SkipThrottle ${label}`, name);
  const skipped = limits.some((limit) => skipsAll || skips.includes(nameOf(limit)));
  if (skipped || (skipsAll && connections !== undefined)) {
    throw new ThrottleConfigError(
      'SLUICE_SKIPPED_LIMIT',
      `@SkipThrottle ${label}: skips a @Throttle on the same class or method. Remove one of them.`,
    );
  }
}

function assertSkippedName(place: string, name: unknown): void {
  if (typeof name === 'string') return;
  const expected = 'names of policies, or no arguments';
  if (name === undefined) throw missingValue(place, expected);
  const replacement = skipArgumentsFor(name);
  if (replacement !== undefined) throw new ThrottleConfigError('SLUICE_THROTTLER_OPTIONS', `${place}: ${replacement}`);
  throw invalidValue(place, expected, name);
}

function isList(what: What): what is readonly What[] {
  return Array.isArray(what);
}
