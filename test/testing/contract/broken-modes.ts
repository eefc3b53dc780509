import { type Backend, type Charge, type ManualClock, type Outcome, type Receipt, receiptOf } from 'nestjs-sluice';
import { type BrokenBackend, PlainBackend, seeing } from './plain-backend.js';

const isMonitored = ({ mode }: Charge) => mode === 'monitor';
const isRecorded = ({ mode }: Charge) => mode === 'record';

/** A backend whose outcomes are changed on their way out. */
function answering(change: (outcome: Outcome, charges: readonly Charge[]) => Outcome) {
  return (clock: ManualClock): Backend =>
    new (class extends PlainBackend {
      override spend(charges: readonly Charge[]): Outcome {
        return change(super.spend(charges), charges);
      }

      override peek(charges: readonly Charge[]): Outcome {
        return change(super.peek(charges), charges);
      }
    })(clock);
}

class RecordsUpToLimit extends PlainBackend {
  override spend(charges: readonly Charge[]): Outcome {
    const outcome = super.spend(this.#cut(charges));
    return outcome.receipt === undefined ? outcome : { ...outcome, receipt: receiptOf(outcome.receipt.at, charges) };
  }

  override peek(charges: readonly Charge[]): Outcome {
    return super.peek(this.#cut(charges));
  }

  #cut(charges: readonly Charge[]): readonly Charge[] {
    return charges.map((charge) => {
      if (!isRecorded(charge) || !Number.isSafeInteger(charge.cost)) return charge;
      const { binding } = super.peek([{ ...charge, cost: 0 }]);
      return { ...charge, cost: Math.min(charge.cost, binding?.remaining ?? 0) };
    });
  }
}

class TakesInDeniedCall extends PlainBackend {
  constructor(
    clock: ManualClock,
    private readonly isTaken: (charge: Charge) => boolean,
  ) {
    super(clock);
  }

  override spend(charges: readonly Charge[]): Outcome {
    const outcome = super.spend(charges);
    if (!outcome.allowed) super.spend(charges.filter(this.isTaken));
    return outcome;
  }
}

class MonitorsInOrder extends PlainBackend {
  override spend(charges: readonly Charge[]): Outcome {
    const first = charges.slice(
      0,
      charges.findIndex((charge) => !isMonitored(charge)),
    );
    if (!charges.some(isMonitored) || first.length === 0 || !super.peek(charges).allowed) return super.spend(charges);
    const [before, after] = [super.spend(first), super.spend(charges.slice(first.length))];
    const taken = [...(before.receipt?.charges ?? first), ...(after.receipt?.charges ?? charges.slice(first.length))];
    const receipt = receiptOf(this.clock.now(), taken);
    return { ...after, decisions: [...before.decisions, ...after.decisions], receipt };
  }
}

class SettlesAgain extends PlainBackend {
  readonly #known = new WeakSet<Receipt>();

  override settle(receipt: Receipt, costs: readonly number[]): void {
    super.settle(this.#known.has(receipt) ? receiptOf(receipt.at, receipt.charges) : receipt, costs);
  }

  override spend(charges: readonly Charge[]): Outcome {
    const outcome = super.spend(charges);
    if (outcome.receipt !== undefined) this.#known.add(outcome.receipt);
    return outcome;
  }
}

class SettlesCopies extends PlainBackend {
  readonly #known = new WeakSet<Receipt>();

  override settle(receipt: Receipt, costs: readonly number[]): void {
    super.settle(this.#known.has(receipt) ? receipt : receiptOf(receipt.at, receipt.charges), costs);
  }

  override spend(charges: readonly Charge[]): Outcome {
    const outcome = super.spend(charges);
    if (outcome.receipt !== undefined) this.#known.add(outcome.receipt);
    return outcome;
  }
}

class IgnoresOverruns extends PlainBackend {
  override settle(receipt: Receipt, costs: readonly number[]): void {
    super.settle(
      receipt,
      costs.map((to, i) => (Number.isSafeInteger(to) ? Math.min(to, receipt.charges[i]?.cost ?? to) : to)),
    );
  }
}

class SettlesUpToLimit extends PlainBackend {
  override settle(receipt: Receipt, costs: readonly number[]): void {
    const most = receipt.charges.map((charge) => {
      const { binding } = this.memory.peek([{ policy: charge.policy, subject: charge.subject, cost: 0 }]);
      return charge.cost + (binding?.remaining ?? 0);
    });
    super.settle(
      receipt,
      costs.map((to, i) => (Number.isSafeInteger(to) ? Math.min(to, most[i] ?? to) : to)),
    );
  }
}

class GivesBackUntaken extends PlainBackend {
  override spend(charges: readonly Charge[]): Outcome {
    const outcome = super.spend(charges);
    return outcome.receipt === undefined ? outcome : { ...outcome, receipt: receiptOf(outcome.receipt.at, charges) };
  }
}

/** Faults of recorded and monitored charges, and of receipts. */
export const BROKEN_MODES: readonly BrokenBackend[] = [
  {
    fault: 'denies a record',
    create: seeing((charge) => (isRecorded(charge) ? { ...charge, mode: 'enforce' } : charge)),
    breaks: ['owes as in the conformance trace: FW-D1', 'is owed from an empty state', 'a debt of any policy'],
  },
  {
    fault: 'records up to the limit',
    create: (clock) => new RecordsUpToLimit(clock),
    breaks: ['owes as in the conformance trace', 'a debt of any policy', 'decides each monitored charge separately'],
  },
  {
    fault: 'records in a denied call',
    create: (clock) => new TakesInDeniedCall(clock, isRecorded),
    breaks: ['takes, records and monitors nothing if an enforced charge is denied'],
  },
  {
    fault: 'takes a monitored charge of a denied call',
    create: (clock) => new TakesInDeniedCall(clock, isMonitored),
    breaks: ['takes, records and monitors nothing if an enforced charge is denied'],
  },
  {
    fault: 'denies a call that a monitored charge does not fit',
    create: answering((outcome) => ({ ...outcome, allowed: outcome.decisions.every(({ allowed }) => allowed) })),
    breaks: [
      'passes and takes nothing if it does not fit',
      'decides each monitored charge separately, after the others',
    ],
  },
  {
    fault: 'has monitored decisions that are binding',
    create: answering((outcome) => ({ ...outcome, binding: outcome.binding ?? outcome.decisions[0] ?? null })),
    breaks: ['has a binding decision among recorded and enforced charges, or none'],
  },
  {
    fault: 'does not say that a decision was monitored',
    create: answering((outcome) => ({ ...outcome, decisions: outcome.decisions.map(({ mode: _, ...rest }) => rest) })),
    breaks: ['is taken if it fits, and reports the same as an enforced one'],
  },
  {
    fault: 'decides monitored charges before the others',
    create: (clock) => new MonitorsInOrder(clock),
    breaks: ['decides monitored charges after all others, including earlier monitored ones'],
  },
  {
    fault: 'has monitored charges in its receipt that were not taken',
    create: (clock) => new GivesBackUntaken(clock),
    breaks: ['has a receipt of what was taken, so that settling it returns no more'],
  },
  {
    fault: 'settles a receipt again',
    create: (clock) => new SettlesAgain(clock),
    breaks: [
      'a receipt: settles once: the first settlement counts',
      'settles once if two settlements run at the same time',
    ],
  },
  {
    fault: 'settles copies of receipts',
    create: (clock) => new SettlesCopies(clock),
    breaks: ['is refused as a copy from the JSON of a job', 'is refused as a copy of its members'],
  },
  {
    fault: 'settles at what was taken at most',
    create: (clock) => new IgnoresOverruns(clock),
    breaks: ['owes as in the conformance trace: FW-D2', 'or settled at the same instant', 'a debt of any policy'],
  },
  {
    fault: 'settles up to the limit',
    create: (clock) => new SettlesUpToLimit(clock),
    breaks: ['owes as in the conformance trace: TB-D2', 'or settled at the same instant'],
  },
  {
    fault: 'enforces charges of an unknown mode',
    create: seeing(({ mode, ...charge }) => (mode === 'record' || mode === 'monitor' ? { ...charge, mode } : charge)),
    breaks: ['refuses an unknown mode with a RangeError'],
  },
  {
    fault: 'ignores arguments and overrides',
    create: seeing(({ arguments: _, overriddenBy: __, ...charge }) => charge),
    breaks: [
      'refuses arguments that its strategy does not have',
      'refuses overrides, if the backend stores no settings',
    ],
  },
];
