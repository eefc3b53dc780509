import { assertCost, type Charge, type ChargeMode, isCost } from './decision.js';
import { describeValue, ThrottleConfigError } from './errors.js';
import type { Policy } from './policy.js';

const MODES: readonly ChargeMode[] = ['enforce', 'monitor', 'record'];

/** Returns true if a charge may deny its call. */
export function isEnforced({ mode }: Charge): boolean {
  return mode === undefined || mode === 'enforce';
}

/** Returns true for an enforced charge with no members besides policy, subject and cost. */
export function isPlain({ mode, arguments: args, overriddenBy }: Charge): boolean {
  return (mode === undefined || mode === 'enforce') && args === undefined && overriddenBy === undefined;
}

/**
 * Throws unless the values of a charge are valid: invalid ones must not pass as free. Called for every charge, so the
 * rare cases are behind one comparison each, and messages are made only if they are needed.
 *
 * @throws RangeError for an invalid cost, mode or arguments
 * @throws ThrottleConfigError for a charge of a leased policy with members besides policy, subject and cost
 */
export function assertCharge(charge: Charge): void {
  const { policy, cost, mode, arguments: args } = charge;
  assertChargeCost(cost, policy);
  if (mode !== undefined && !MODES.includes(mode)) throw unknownMode(charge);
  if (args !== undefined) assertArguments(charge, args);
  if (policy.lease !== undefined && !isPlain(charge)) throw notLeasable(charge);
}

/** Throws a RangeError for an invalid cost. */
export function assertChargeCost(cost: number, { name }: Policy): void {
  if (!isCost(cost)) assertCost(cost, `a charge of "${name}"`);
}

/**
 * Throws unless a charge has as many arguments as its strategy needs: with too few it would not limit.
 *
 * @param count the strategy's `argumentCount`
 */
export function assertArgumentCount({ policy, arguments: args }: Charge, count: number): void {
  const found = args === undefined ? 0 : args.length;
  if (found === count) return;
  throw new ThrottleConfigError(
    'SLUICE_INVALID_CHARGE',
    `a charge of "${policy.name}": the strategy "${policy.strategy}" needs ${count} \`arguments\`, got ${found}`,
  );
}

function assertArguments({ policy }: Charge, args: unknown): void {
  const invalid = Array.isArray(args) ? args.findIndex((value) => !isCost(value)) : -1;
  if (Array.isArray(args) && invalid === -1) return;
  const [path, found] = Array.isArray(args) ? [`arguments[${invalid}]`, args[invalid]] : ['arguments', args];
  throw new RangeError(
    `a charge of "${policy.name}": ${path}: expected whole numbers from 0 to 2^53 - 1, got ${describeValue(found)}`,
  );
}

function unknownMode({ policy, mode }: Charge): RangeError {
  return new RangeError(
    `a charge of "${policy.name}": mode: expected "enforce", "monitor" or "record", got ${describeValue(mode)}`,
  );
}

function notLeasable({ policy: { name } }: Charge): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_LEASE_CONFLICT',
    `a charge of "${name}": the policy has a \`lease\`, so its charges cannot have \`mode\`, \`arguments\` or \`overriddenBy\`. Leave them out, or the lease.`,
  );
}
