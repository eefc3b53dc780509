import { beforeEach, describe, expect, it } from '@jest/globals';
import { type LeaseReservation, reserveLeased, Shortfall } from '../../../src/backends/leasing/lease-reservation.js';
import type { Charge, Outcome } from '../../../src/core/decision.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { charge, grant, LeaseFixture, MINUTE, make, policy, WINDOW } from './lease-fixture.js';

const second = make(50, 5, 'q');
const plain = definePolicy('plain', { rate: '5/min', strategy: 'fixed-window' });
const AT = WINDOW + 10_000;

/** The backend's outcome on charges that are not leased. */
const outcome = (allowed: boolean, at = AT + 7): Outcome => {
  const decision = {
    policy: 'plain',
    allowed,
    limit: 5,
    remaining: allowed ? 4 : 0,
    resetMs: 50_000,
    retryAfterMs: allowed ? 0 : 50_000,
    delayMs: 0,
    windowMs: MINUTE,
  };
  const receipt = { at, charges: [charge(1, 'ada', plain)] };
  return { allowed, decisions: [decision], binding: decision, ...(allowed && { receipt }) };
};

describe('reserveLeased', () => {
  let fixture: LeaseFixture;

  const reserve = (...charges: Charge[]) => reserveLeased(charges, fixture.leases, fixture.nowMs);
  const reserved = (...charges: Charge[]): LeaseReservation => {
    const found = reserve(...charges);
    if (found instanceof Shortfall) throw new Error(`Expected a reservation, got a shortfall of ${found.charge.cost}`);
    return found;
  };
  const held = (of = policy) => fixture.leases.find({ policy: of, subject: 'ada' })?.held;

  beforeEach(async () => {
    fixture = new LeaseFixture();
    await fixture.hold('ada');
    fixture.request(1, 'a', 'ada', second);
    await fixture.onlyRequest().answer(grant(5, 45));
  });

  it('takes all leased charges, and leaves the others to the backend', () => {
    const reservation = reserved(charge(4), charge(1, 'ada', plain), charge(2, 'ada', second));
    expect([held(), held(second)]).toEqual([6, 3]);
    expect(reservation.isComplete).toBe(false);
    expect(reservation.others).toEqual([charge(1, 'ada', plain)]);
    expect(reserved(charge(1), charge(1, 'ada', second)).isComplete).toBe(true);
  });

  it('takes nothing if one charge is not covered, and names the total that its budget lacks', () => {
    expect(reserve(charge(1, 'ada', second), charge(6), charge(5))).toEqual(new Shortfall(charge(11), false));
    expect(reserve(charge(60), charge(60))).toEqual(new Shortfall(charge(60), false));
    expect(reserve(charge(6), charge(95))).toEqual(new Shortfall(charge(101), true));
    expect([held(), held(second)]).toEqual([10, 5]);
  });

  it('commits to an allowed outcome, whose receipt has the instant of each grant', () => {
    const charges = [charge(4), charge(1, 'ada', plain), charge(2, 'ada', second)];
    const { allowed, decisions, binding, receipt } = reserved(...charges).commit(outcome(true));
    expect(allowed).toBe(true);
    expect(decisions.map(({ policy, remaining }) => [policy, remaining])).toEqual([
      ['p', 96],
      ['plain', 4],
      ['q', 48],
    ]);
    expect(binding).toBe(decisions[1]);
    expect(receipt).toEqual({ at: AT + 7, charges, instants: [AT, AT + 7, AT] });
    expect([held(), held(second)]).toEqual([6, 3]);
  });

  it('commits without a receipt if all costs are 0', () => {
    expect(reserved(charge(0), charge(0, 'ada', second)).commit()).not.toHaveProperty('receipt');
  });

  it('denies with its own decisions as at a cost of 0, and puts the units back', () => {
    const { allowed, decisions, receipt } = reserved(charge(4), charge(1), charge(1, 'ada', plain)).deny(
      outcome(false),
    );
    expect([allowed, receipt]).toEqual([false, undefined]);
    expect(decisions.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 100],
      [true, 100],
      [false, 0],
    ]);
    expect(held()).toBe(10);
    expect(fixture.returned).toEqual([]);
  });

  it('returns cancelled units to the server if their lease is gone', () => {
    const reservation = reserved(charge(4), charge(2, 'ada', second), charge(0));
    fixture.leases.discard({ policy: second, subject: 'ada' });
    reservation.cancel();
    expect(held()).toBe(10);
    expect(fixture.returned).toEqual([{ at: AT, charges: [charge(2, 'ada', second)] }]);
  });

  it('cancels units of a window that is over without returning them', async () => {
    const reservation = reserved(charge(4));
    fixture.request(20);
    await fixture.onlyRequest().answer(grant(20, 80, WINDOW + MINUTE));
    reservation.cancel();
    expect(held()).toBe(20);
    expect(fixture.returned).toEqual([]);
  });
});
