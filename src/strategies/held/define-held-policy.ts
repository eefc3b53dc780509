import { assertKnownMembers, invalidValue, optionAt, ThrottleConfigError } from '../../core/errors.js';
import { assertPolicyName, type HeldUnits, type OnError, type Policy, splitPolicyId } from '../../core/policy.js';
import { parseRateAt } from '../../core/rate.js';
import { definePolicies, type PolicySpec } from '../define-policy.js';
import { concurrency } from './concurrency.js';

/** Options of `defineConcurrency`. */
export interface ConcurrencySpec {
  /** The part of the application that shares the permits. Default: `app`. */
  readonly scope?: string;
  /** What is counted, as `unit` of `definePolicy`. Default: `concurrent-requests`. */
  readonly unit?: string;
  /** As `headers` of `definePolicy`. */
  readonly headers?: boolean;
  /** As `onError` of `definePolicy`. */
  readonly onError?: OnError;
}

/** Options of `defineBudget`. */
export interface BudgetSpec
  extends Pick<PolicySpec, 'scope' | 'unit' | 'headers' | 'onError' | 'timeZone' | 'anchor' | 'rollover'> {
  /** The units of a window, `"<count>/<unit>"`: see `parseRate`. One rate. */
  readonly budget: string;
  /** `fixed-window` or `calendar`. Default: `fixed-window`; a month or a year implies `calendar`. */
  readonly strategy?: 'fixed-window' | 'calendar';
  /** `charge` charges the units of a hold that expires to the window of that instant; `release` frees them. Default: `charge`. */
  readonly onExpiry?: HeldUnits['onExpiry'];
  /** Whether units above the limit of a window are taken from the next one. Default: false. */
  readonly carryDebt?: boolean;
}

/** The largest limit of concurrency. */
export const MAX_PERMITS = 1_000_000_000;

/**
 * Makes a limit of concurrency: the units, such as one for each call, that are held at a time. It has no window.
 *
 * @param limit units that are held at a time, at least 1. A subject has at most 1000 holders, whatever the limit
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
  // The policy of any rate has the other options, checked.
  const checked = onlyOne(place, { ...others, unit, rate: `${limit}/s`, strategy: 'fixed-window' }, name);
  return held({ ...checked, strategy: concurrency.name, periodMs: 0 }, '', { onExpiry: 'release' });
}

/**
 * Makes a token budget: units of a window that are reserved before a call, for what it may use, and settled at what it used.
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
    `policy "${name}": units of it cannot be held. Define it with defineConcurrency or defineBudget.`,
  );
}

function onlyOne(place: string, spec: PolicySpec, name: string): Policy {
  const [policy, ...others] = definePolicies(place, name, spec);
  if (policy !== undefined && others.length === 0) return policy;
  throw invalidValue(optionAt(place, 'budget'), 'one rate, such as "100000/min"', spec.rate, 'SLUICE_INVALID_RATE');
}

/** The id differs from that of a rate: what is stored of held units is read by nothing else. */
function held(policy: Policy, shape: string, rules: HeldUnits): Policy {
  const [nameAndScope] = splitPolicyId(policy.id);
  return Object.freeze({ ...policy, id: `${nameAndScope}:h${shape}`, held: Object.freeze(rules) });
}
