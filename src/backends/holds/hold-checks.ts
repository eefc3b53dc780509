import type { Charge } from '../../core/decision.js';
import { describeValue, ThrottleConfigError } from '../../core/errors.js';
import { assertHeld } from '../../strategies/held/define-held-policy.js';
import { type HoldEnd, type HoldReference, type HoldRequest, MAX_HOLD_MS } from '../hold-store.js';

/**
 * Throws unless the values of a call of holds are valid. A backend calls it before anything else.
 *
 * @throws RangeError for invalid ids, units or times
 * @throws ThrottleConfigError for a policy without held units, or a charge under a policy with a `lease`
 */
export function assertTakeable(holds: readonly HoldRequest[], charges: readonly Charge[]): void {
  for (const hold of holds) {
    assertReference(hold);
    assertUnits(hold);
    assertTtl(hold, hold.ttlMs);
  }
  for (const { policy } of charges) {
    if (policy.lease === undefined) continue;
    throw new ThrottleConfigError(
      'SLUICE_LEASE_CONFLICT',
      `a charge of "${policy.name}": the policy has a \`lease\`, and leased units cannot be taken together with holds. Leave the lease out, or charge it in a call of its own.`,
    );
  }
}

/** Throws unless these holds can be extended. */
export function assertExtendable(holds: readonly HoldReference[], ttlMs: number): void {
  for (const hold of holds) {
    assertReference(hold);
    assertTtl(hold, ttlMs);
  }
}

/** Throws unless these holds can be ended, or grown to these units. */
export function assertUnitsOf(holds: readonly HoldEnd[]): void {
  for (const hold of holds) {
    assertReference(hold);
    assertUnits(hold);
  }
}

function assertReference(hold: HoldReference): void {
  assertHeld(hold.policy);
  assertWhole(hold, 'id', hold.id, 0, Number.MAX_SAFE_INTEGER);
  for (const argument of hold.arguments ?? []) assertWhole(hold, 'arguments', argument, 0, Number.MAX_SAFE_INTEGER);
}

function assertUnits(hold: HoldReference & { readonly units: number }): void {
  assertWhole(hold, 'units', hold.units, 0, Number.MAX_SAFE_INTEGER);
}

function assertTtl(hold: HoldReference, ttlMs: number): void {
  assertWhole(hold, 'ttlMs', ttlMs, 1, MAX_HOLD_MS);
}

function assertWhole({ policy }: HoldReference, member: string, value: unknown, min: number, max: number): void {
  if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) return;
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} to 2^53 - 1` : `from ${min} to ${max}`;
  throw new RangeError(
    `a hold of "${policy.name}": ${member}: expected a whole number ${range}, got ${describeValue(value)}`,
  );
}
