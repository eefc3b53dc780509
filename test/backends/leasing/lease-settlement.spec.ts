import { beforeEach, describe, expect, it } from '@jest/globals';
import { settleLeased } from '../../../src/backends/leasing/lease-settlement.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { charge, LeaseFixture, policy, WINDOW } from './lease-fixture.js';

const plain = definePolicy('plain', { rate: '5/min', strategy: 'fixed-window' });
const AT = WINDOW + 10_000;

describe('settleLeased', () => {
  let fixture: LeaseFixture;

  const held = () => fixture.leases.find({ policy, subject: 'ada' })?.held;

  beforeEach(async () => {
    fixture = new LeaseFixture();
    await fixture.hold('ada');
    fixture.take(6);
  });

  it('puts units back into their lease and leaves nothing to the backend', () => {
    expect(settleLeased({ receipt: { at: AT, charges: [charge(6)] }, costs: [2] }, fixture.leases)).toEqual([]);
    expect(held()).toBe(8);
  });

  it('leaves charges without a lease to the backend one by one, and unleased charges as one settlement', () => {
    const charges = [charge(1, 'ada', plain), charge(6), charge(3, 'bob'), charge(2, 'eve', plain)];
    const receipt = { at: AT + 3, charges, instants: [AT + 1, AT, AT + 2, AT + 3] };
    expect(settleLeased({ receipt, costs: [0, 6, 1, 1] }, fixture.leases)).toEqual([
      { receipt: { at: AT + 2, charges: [charge(3, 'bob')] }, costs: [1] },
      {
        receipt: {
          at: AT + 3,
          charges: [charge(1, 'ada', plain), charge(2, 'eve', plain)],
          instants: [AT + 1, AT + 3],
        },
        costs: [0, 1],
      },
    ]);
    expect(held()).toBe(4);
  });
});
