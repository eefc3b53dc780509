import {
  type Backend,
  type Charge,
  type ManualClock,
  type Outcome,
  type Receipt,
  receiptOf,
  type Target,
} from 'nestjs-sluice';
import { type BrokenBackend, PlainBackend, seeing, telling } from './plain-backend.js';

class OneAfterAnother extends PlainBackend {
  override spend(charges: readonly Charge[]): Outcome {
    const outcomes = charges.map((charge) => super.spend([charge]));
    const decisions = outcomes.flatMap((outcome) => outcome.decisions);
    const allowed = outcomes.every((outcome) => outcome.allowed);
    const isTaken = allowed && charges.some(({ cost }) => cost > 0);
    const receipt = isTaken ? { receipt: receiptOf(this.clock.now(), charges) } : {};
    const denial = outcomes.find((outcome) => !outcome.allowed);
    return { allowed, decisions, binding: (denial ?? outcomes[0])?.binding ?? null, ...receipt };
  }
}

/** Decides by a state that another call may change before this one writes. */
class Races implements Backend {
  readonly #plain: PlainBackend;

  constructor(clock: ManualClock) {
    this.#plain = new PlainBackend(clock);
  }

  async spend(charges: readonly Charge[]): Promise<Outcome> {
    const { receipt: _, ...outcome } = this.#plain.peek(charges);
    await Promise.resolve();
    if (!outcome.allowed) return this.#plain.spend(charges);
    const { receipt } = this.#plain.spend(charges.map((charge) => ({ ...charge, mode: 'record' })));
    return receipt === undefined ? outcome : { ...outcome, receipt: receiptOf(receipt.at, charges) };
  }

  peek(charges: readonly Charge[]): Outcome {
    return this.#plain.peek(charges);
  }

  settle(receipt: Receipt, costs: readonly number[]): void {
    this.#plain.settle(receipt, costs);
  }

  reset(targets: readonly Target[]): void {
    this.#plain.reset(targets);
  }
}

/** Repeats a denial from memory, even if the budget has changed since. */
class RemembersDenials extends PlainBackend {
  readonly #denied = new Map<string, Outcome>();

  override spend(charges: readonly Charge[]): Outcome {
    const key = charges.map(({ policy, subject, cost }) => `${policy.id} ${subject} ${cost}`).join();
    const known = this.#denied.get(key);
    if (known !== undefined) return known;
    const outcome = super.spend(charges);
    if (!outcome.allowed) this.#denied.set(key, outcome);
    return outcome;
  }
}

class WritingPeek extends PlainBackend {
  override peek(charges: readonly Charge[]): Outcome {
    const { receipt: _, ...outcome } = super.spend(charges);
    return outcome;
  }
}

class SettlesTwice extends PlainBackend {
  override settle(receipt: Receipt, costs: readonly number[]): void {
    super.settle(receipt, costs);
    super.settle(receiptOf(receipt.at, receipt.charges), costs);
  }
}

class ConsumingDenial extends PlainBackend {
  override spend(charges: readonly Charge[]): Outcome {
    const outcome = super.spend(charges);
    const [first] = charges;
    if (!outcome.allowed && first !== undefined) super.spend([{ ...first, cost: 1 }]);
    return outcome;
  }
}

class ResetsFirstSubject extends PlainBackend {
  override reset(targets: readonly Target[]): void {
    super.reset(targets.map((target) => ({ ...target, subject: targets[0]?.subject ?? target.subject })));
  }
}

class SettlesFirstCharge extends PlainBackend {
  override settle(receipt: Receipt, costs: readonly number[]): void {
    super.settle(receipt, costs);
    const kept = receipt.charges.map(({ cost }, i) => (i === 0 ? 0 : cost - (costs[i] ?? cost)));
    super.spend(receipt.charges.map((charge, i) => ({ ...charge, cost: kept[i] ?? 0 })));
  }
}

class ForgetsWhenClockStepsBack extends PlainBackend {
  #latest = 0;
  #charged = new Map<string, Charge>();

  override spend(charges: readonly Charge[]): Outcome {
    this.#check();
    for (const charge of charges) this.#charged.set(`${charge.policy.id} ${charge.subject}`, charge);
    return super.spend(charges);
  }

  override peek(charges: readonly Charge[]): Outcome {
    this.#check();
    return super.peek(charges);
  }

  #check(): void {
    if (this.clock.now() < this.#latest) super.reset([...this.#charged.values()]);
    this.#latest = this.clock.now();
  }
}

class ReceiptForReads extends PlainBackend {
  override spend(charges: readonly Charge[]): Outcome {
    const outcome = super.spend(charges);
    return outcome.allowed ? { ...outcome, receipt: receiptOf(this.clock.now(), charges) } : outcome;
  }
}

class FirstIsBinding extends PlainBackend {
  override spend(charges: readonly Charge[]): Outcome {
    const outcome = super.spend(charges);
    return { ...outcome, binding: outcome.decisions[0] ?? null };
  }
}

class RoundsCosts extends PlainBackend {
  override spend(charges: readonly Charge[]): Outcome {
    return super.spend(
      charges.map((charge) => ({ ...charge, cost: Math.max(0, Math.trunc(Number(charge.cost) || 0)) })),
    );
  }
}

export const BROKEN_BACKENDS: readonly BrokenBackend[] = [
  {
    fault: 'charges one after another',
    create: (clock) => new OneAfterAnother(clock),
    breaks: ['takes both or neither, in either order', 'are all denied if their sum is too large'],
  },
  {
    fault: 'decides concurrent calls by what it read before',
    create: (clock) => new Races(clock),
    breaks: ['concurrent calls: on one key of fixed-window', 'concurrent calls: on two keys'],
  },
  {
    fault: 'remembers denials for too long',
    create: (clock) => new RemembersDenials(clock),
    breaks: ['a denial: ends with a reset', 'a denial: ends when units', 'under a raised limit'],
  },
  {
    fault: 'takes upper-case subjects for lower-case ones',
    create: seeing((charge) => ({ ...charge, subject: charge.subject.toLowerCase() })),
    breaks: ['odd subjects: are counted separately'],
  },
  {
    fault: 'drops spaces at the end of a subject',
    create: seeing((charge) => ({ ...charge, subject: charge.subject.trimEnd() })),
    breaks: ['odd subjects: are counted separately'],
  },
  {
    fault: 'counts in 32 bits',
    create: seeing((charge) => ({ ...charge, cost: charge.cost % 2 ** 32 })),
    breaks: ['a large limit: of sliding-window'],
  },
  {
    fault: 'writes when it peeks',
    create: (clock) => new WritingPeek(clock),
    breaks: ['peeks at the outcome that spend then has, and writes nothing'],
  },
  {
    fault: 'settles twice',
    create: (clock) => new SettlesTwice(clock),
    breaks: ['makes it a smaller one', 'a refund never returns more than was taken'],
  },
  {
    fault: 'consumes a unit when it denies',
    create: (clock) => new ConsumingDenial(clock),
    breaks: ['follows the conformance trace: FW-3', 'takes both or neither, in either order'],
  },
  {
    fault: 'reports one unit too many',
    create: telling((decision) => ({ ...decision, remaining: decision.remaining + 1 })),
    breaks: ['follows the conformance trace', 'reads with a cost of 0, and writes nothing'],
  },
  {
    fault: 'reports waits that are one millisecond too short',
    create: telling((decision) => ({ ...decision, retryAfterMs: decision.retryAfterMs && decision.retryAfterMs - 1 })),
    breaks: ['follows the conformance trace', 'with the wait for all of them'],
  },
  {
    fault: 'resets the first subject for all others',
    create: (clock) => new ResetsFirstSubject(clock),
    breaks: ['resets the budgets that it is given, and no others'],
  },
  {
    fault: 'ignores costs',
    create: seeing((charge) => ({ ...charge, cost: Math.min(1, charge.cost) })),
    breaks: ['follows the conformance trace', 'has a wait of null for a cost that can never pass'],
  },
  {
    fault: 'mixes up long subjects',
    create: seeing((charge) => ({ ...charge, subject: charge.subject.slice(0, 48) })),
    breaks: ['odd subjects: are counted separately'],
  },
  {
    fault: 'forgets when the clock steps back',
    create: (clock) => new ForgetsWhenClockStepsBack(clock),
    breaks: ['follows the conformance trace'],
  },
  {
    fault: 'settles only the first charge of a call',
    create: (clock) => new SettlesFirstCharge(clock),
    breaks: ['settles each charge of a call at its own cost'],
  },
  {
    fault: 'gives receipts for reads',
    create: (clock) => new ReceiptForReads(clock),
    breaks: ['reads with a cost of 0, and writes nothing'],
  },
  {
    fault: 'takes the first decision for the binding one',
    create: (clock) => new FirstIsBinding(clock),
    breaks: ['is the denial with the longest wait, if some deny'],
  },
  {
    fault: 'repairs invalid costs',
    create: (clock) => new RoundsCosts(clock),
    breaks: ['refuses the cost NaN with a RangeError', 'refuses the cost 1.5 with a RangeError'],
  },
  {
    fault: 'starts afresh when the limit changes',
    create: seeing((charge) => ({
      ...charge,
      policy: { ...charge.policy, id: `${charge.policy.id}:${charge.policy.limit}` },
    })),
    breaks: ['keeps its usage when the limit rises'],
  },
  {
    fault: 'counts by the name of the policy alone',
    create: seeing((charge) => ({ ...charge, policy: { ...charge.policy, id: charge.policy.name } })),
    breaks: ['has a budget for each name and scope'],
  },
  {
    fault: 'reads state that another strategy wrote',
    create: seeing((charge) => ({
      ...charge,
      policy: { ...charge.policy, id: charge.policy.id.replace(/:[^:]*$/, '') },
    })),
    breaks: ['have separate budgets, each up to its limit'],
  },
];
