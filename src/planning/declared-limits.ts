import { assertKnownMembers, invalidValue, optionAt, ThrottleConfigError } from '../core/errors.js';
import { isPolicyName } from '../core/policy.js';
import { looksLikeRate } from '../core/rate.js';
import { type Declaration, declarationOn, type LimitUse } from '../decorators/metadata.js';
import {
  type Limit,
  type MoreOptions,
  POLICY_MEMBERS,
  type PolicyOptions,
  USE_MEMBERS,
  type What,
} from '../decorators/policy-options.js';
import { type DeclaredLimit, distinguishUnnamed, type Level } from './compiled-limit.js';
import { splitConnections } from './connection-option.js';
import { isObject } from './option-checks.js';
import type { PolicyRegistry } from './policy-registry.js';

/** What one place says: its limits, and what it skips. */
export interface Declarations {
  readonly limits: readonly DeclaredLimit[];
  readonly skipsAll: boolean;
  readonly skips: readonly string[];
  /** A limit of new connections, for gateways. */
  readonly connections: Limit | undefined;
  /** `on ReportsController.list` */
  readonly label: string;
}

type Class = abstract new (...args: never[]) => unknown;

/** What is written on a controller's class, and on those that it extends: the farthest first. */
export function declarationsOfClass(type: Class, registry: PolicyRegistry): readonly Declarations[] {
  return chainOf(type).map((one) => placeOf(declarationOn(one), 'class', `on ${one.name}`, registry));
}

/** What is written on a method, by the class that defines it. */
export function declarationsOfMethod(type: Class, method: string, registry: PolicyRegistry): Declarations {
  const { prototype } = ownerOf(type, method);
  return placeOf(declarationOn(prototype, method), 'method', `on ${type.name}.${method}`, registry);
}

/** The class that defines a method: itself, or the nearest of those that it extends. */
export function ownerOf(type: Class, method: string | symbol): Class {
  return chainOf(type).findLast(({ prototype }) => Object.hasOwn(prototype, method)) ?? type;
}

/** A class and those that it extends, the farthest first. */
export function chainOf(type: Class): readonly Class[] {
  const chain: Class[] = [];
  for (
    let one: Class | null = type;
    typeof one === 'function' && one !== Function.prototype;
    one = Object.getPrototypeOf(one)
  ) {
    chain.unshift(one);
  }
  return chain;
}

function placeOf({ limits, skips }: Declaration, level: Level, label: string, registry: PolicyRegistry): Declarations {
  const { uses, connections } = splitConnections(limits, level, `@Throttle ${label}`);
  const written = distinguishUnnamed(uses.flatMap((use) => expand(use, level, `@Throttle ${label}`, registry)));
  const skipsAll = skips.some((names) => names.length === 0);
  const skipped = skips.flat();
  const alien = skipped.find((name) => typeof name !== 'string');
  if (alien !== undefined) throw invalidValue(`@SkipThrottle ${label}`, 'names of policies, or nothing', alien);
  const both = written.find(({ options }) => skipsAll || skipped.includes(options.name ?? 'default'));
  if (both !== undefined || (skipsAll && connections !== undefined)) {
    throw new ThrottleConfigError(
      `@SkipThrottle ${label}: stands beside a @Throttle that it skips. Remove one of them.`,
    );
  }
  return { limits: written, skipsAll, skips: skipped, connections, label };
}

function expand(
  { what, more }: LimitUse,
  level: Level,
  place: string,
  registry: PolicyRegistry,
): readonly DeclaredLimit[] {
  const options = readMore(more, place);
  return flatten(what, place).map((one) => {
    if (typeof one === 'object') return { options: inline({ ...one, ...options }, place, registry), level, place };
    if (looksLikeRate(one)) {
      if (options.rate !== undefined) throw invalidValue(optionAt(place, 'rate'), `none beside "${one}"`, options.rate);
      return { options: inline({ ...options, rate: one }, place, registry), level, place };
    }
    if (!isPolicyName(one)) throw invalidValue(place, 'a rate such as "5/min", or the name of a policy', one);
    const named = `@Throttle("${one}")${place.slice('@Throttle'.length)}`;
    return { options: byName(one, options, named, registry), level, place: named };
  });
}

function flatten(what: What, place: string): readonly (string | PolicyOptions)[] {
  if (Array.isArray(what) && what.length > 0) return what.flatMap((one: What) => flatten(one, place));
  if (typeof what === 'string' || isObject(what)) return [what as string | PolicyOptions]; // lists are told apart above
  throw invalidValue(place, 'a rate such as "5/min", a policy\'s name, options with a rate, or a list of these', what);
}

function readMore(more: LimitUse['more'], place: string): MoreOptions {
  if (more === undefined) return {};
  if (typeof more === 'number' || typeof more === 'function') return { cost: more };
  if (isObject(more)) {
    assertKnownMembers(place, more, POLICY_MEMBERS);
    return more;
  }
  throw invalidValue(
    `${place}, second argument`,
    'a cost (a whole number, or a function of the call) or options',
    more,
  );
}

/** Options that stand here and not in the module. */
function inline(options: PolicyOptions, place: string, registry: PolicyRegistry): PolicyOptions {
  const { name } = options;
  if (name === undefined || !registry.has(name)) return options;
  throw new ThrottleConfigError(
    `${place}: there are two policies of the name "${name}". Use the module's, @Throttle("${name}"), or take another name.`,
  );
}

/** A policy of the module under this handler: its budget as it is, used as it is said here. */
function byName(name: string, use: MoreOptions, place: string, registry: PolicyRegistry): PolicyOptions {
  const { options } = registry.get(name, place);
  const other = Object.keys(use).find((member) => !USE_MEMBERS.some((known) => known === member));
  if (other !== undefined) {
    throw new ThrottleConfigError(
      `${place}: "${other}" belongs to the policy "${name}" itself. Change policies.${name}, or say here only ${USE_MEMBERS.join(', ')}.`,
    );
  }
  const { context = {} } = use;
  // What is no object is left for the check that names the place.
  return {
    scope: 'app',
    ...options,
    ...use,
    context: isObject(context) ? { ...options.context, ...context } : context,
  };
}
