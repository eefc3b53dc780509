import { type Charge, ManualClock, type Outcome, type Receipt, receiptOf } from 'nestjs-sluice';
import { type BrokenBackend, PlainBackend, seeing, telling } from './plain-backend.js';

/** Decides by the window that the caller is in. */
class TrustsTheCaller extends PlainBackend {
  constructor(private readonly callers: ManualClock) {
    super(new ManualClock());
  }

  override spend(charges: readonly Charge[]): Outcome {
    this.clock.set(charges[0]?.arguments?.[3] ?? this.callers.now());
    return super.spend(charges);
  }
}

class SettlesInTheLatestWindow extends PlainBackend {
  override settle(receipt: Receipt, costs: readonly number[]): void {
    super.settle(receiptOf(this.clock.now(), receipt.charges), costs);
  }
}

/** Forgets which thresholds were told when units are returned. */
class TellsAgain extends PlainBackend {
  override settle(receipt: Receipt, costs: readonly number[]): void {
    super.settle(receipt, costs);
    if (costs.every((cost) => cost === 0)) this.reset(receipt.charges);
  }
}

export const BROKEN_QUOTAS: readonly BrokenBackend[] = [
  {
    fault: 'does not tell the window of a quota',
    create: telling(({ window: _, ...decision }) => decision),
    breaks: ['is counted in a day in UTC', 'is counted in February 2028'],
  },
  {
    fault: 'decides a quota by the window of the caller',
    create: (clock) => new TrustsTheCaller(clock),
    breaks: ['counts by the clock of the backend, even if the caller is in another window'],
  },
  {
    fault: 'carries nothing over',
    create: seeing((charge) => ({ ...charge, policy: { ...charge.policy, burst: charge.policy.limit } })),
    breaks: ['begins with a full rollover', 'is full after a window without a charge'],
  },
  {
    fault: 'carries over from before the anchor',
    create: seeing((charge) =>
      charge.arguments === undefined ? charge : { ...charge, arguments: [0, ...charge.arguments.slice(1)] },
    ),
    breaks: ['carries nothing over from windows before its anchor'],
  },
  {
    fault: 'settles charges of earlier windows',
    create: (clock) => new SettlesInTheLatestWindow(clock),
    breaks: ['is not changed by settling a charge of an earlier window'],
  },
  {
    fault: 'never tells a threshold',
    create: telling(({ reached: _, ...decision }) => decision),
    breaks: [
      'reports a threshold for the charge that reaches it',
      'reports a threshold for exactly one of many concurrent charges',
    ],
  },
  {
    fault: 'tells a threshold again after units were returned',
    create: (clock) => new TellsAgain(clock),
    breaks: ['reports a threshold once per window, even after units were returned'],
  },
];
