import { assertKnownMembers, invalidValue, optionAt, ThrottleConfigError } from '../../core/errors.js';
import { assertPolicyName, type HeldUnits, type OnError, type Policy, splitPolicyId } from '../../core/policy.js';
import { parseRateAt } from '../../core/rate.js';
import { definePolicies, type PolicySpec } from '../define-policy.js';
import { concurrency } from './concurrency.js';

/** Options of `defineConcurrency`. */
export interface ConcurrencySpec {
  /** The part of the application that shares the permits. Default: `app`. */
  readonly scope?: string;
  /** See `unit` of `definePolicy`. Default: `concurrent-requests`. */
  readonly unit?: string;
  /** See `headers` of `definePolicy`. */
  readonly headers?: boolean;
  /** See `onError` of `definePolicy`. */
  readonly onError?: OnError;
}

/** Options of `defineBudget`. */
export interface BudgetSpec
  extends Pick<PolicySpec, 'scope' | 'unit' | 'headers' | 'onError' | 'timeZone' | 'anchor' | 'rollover'> {
  /** The units per window: one rate, `"<count>/<unit>"`; see `parseRate`. */
  readonly budget: string;
  /** `fixed-window` or `calendar`. Default: `fixed-window`; a month or a year implies `calendar`. */
  readonly strategy?: 'fixed-window' | 'calendar';
  /**
   * `charge` charges the units of a hold that expires to the window of that instant; `release` frees them. Default:
   * `charge`.
   */
  readonly onExpiry?: HeldUnits['onExpiry'];
  /** If true, units above the limit of a window are taken from the next window. Default: false. */
  readonly carryDebt?: boolean;
}

/** The largest concurrency limit. */
export const MAX_PERMITS = 1_000_000_000;

/**
 * Returns the policy of a concurrency limit: the number of units, usually one per call, that are held at a time. It has
 * no window.
 *
 * @param limit units that are held at a time, at least 1. Independently of it, a subject has at most 1000 holders
 * @throws ThrottleConfigError naming the invalid option
 * @example
 * const exports = defineConcurrency('export', 2);
 */
export function defineConcurrency(name: string, limit: number, spec: ConcurrencySpec = {}): Policy {
  assertPolicyName('defineConcurrency', name);
  const place = `policies.${name}`;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MAX_PERMITS) {
    throw invalidValue(optionAt(place, 'concurrency'), `a whole number from 1 to ${MAX_PERMITS}`, limit);
  }
  assertKnownMembers(place, spec, ['scope', 'unit', 'headers', 'onError']);
  const { unit = 'concurrent-requests', ...others } = spec;
  // Defines a policy of any rate to check the other options.
  const checked = onlyOne(place, { ...others, unit, rate: `${limit}/s`, strategy: 'fixed-window' }, name);
  return held({ ...checked, strategy: concurrency.name, periodMs: 0 }, '', { onExpiry: 'release' });
}

/**
 * Returns the policy of a token budget: units per window that are reserved before a call, at its highest possible
 * usage, and settled at its real usage.
 *
 * @throws ThrottleConfigError naming the invalid option
 * @example
 * const tokens = defineBudget('llm', { budget: '100000/min' });
 */
export function defineBudget(name: string, spec: BudgetSpec): Policy {
  assertPolicyName('defineBudget', name);
  const place = `policies.${name}`;
  assertKnownMembers(place, spec, [
    'budget',
    'strategy',
    'onExpiry',
    'carryDebt',
    'scope',
    'unit',
    'headers',
    'onError',
    'timeZone',
    'anchor',
    'rollover',
  ]);
  const { budget, onExpiry = 'charge', carryDebt = false, strategy, ...others } = spec;
  if (strategy !== undefined && strategy !== 'fixed-window' && strategy !== 'calendar') {
    throw invalidValue(optionAt(place, 'strategy'), '"fixed-window" or "calendar" for a token budget', strategy);
  }
  if (onExpiry !== 'charge' && onExpiry !== 'release') {
    throw invalidValue(optionAt(place, 'onExpiry'), '"charge" or "release"', onExpiry);
  }
  if (typeof carryDebt !== 'boolean') throw invalidValue(optionAt(place, 'carryDebt'), 'true or false', carryDebt);
  parseRateAt(optionAt(place, 'budget'), budget);
  const isImplied = strategy === undefined && /month|year/i.test(String(budget));
  const rate = { rate: budget, ...(!isImplied && { strategy: strategy ?? 'fixed-window' }) };
  const policy = onlyOne(place, { ...others, ...rate }, name);
  const [, shape] = splitPolicyId(policy.id);
  return held(policy, shape, { onExpiry, ...(carryDebt && { carryDebt }) });
}

/** Throws a ThrottleConfigError unless units of a policy are held. */
export function assertHeld({ name, held: rules }: Policy): void {
  if (rules !== undefined) return;
  throw new ThrottleConfigError(
    'SLUICE_WRONG_POLICY',
    `policy "${name}": its units cannot be held. Define it with defineConcurrency or defineBudget.`,
  );
}

function onlyOne(place: string, spec: PolicySpec, name: string): Policy {
  const [policy, ...others] = definePolicies(place, name, spec);
  if (policy !== undefined && others.length === 0) return policy;
  throw invalidValue(optionAt(place, 'budget'), 'one rate, such as "100000/min"', spec.rate, 'SLUICE_INVALID_RATE');
}

/** The id differs from that of a rate, because the stored form of held units differs. */
function held(policy: Policy, shape: string, rules: HeldUnits): Policy {
  const [nameAndScope] = splitPolicyId(policy.id);
  return Object.freeze({ ...policy, id: `${nameAndScope}:h${shape}`, held: Object.freeze(rules) });
}
