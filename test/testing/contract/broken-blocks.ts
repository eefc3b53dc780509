import {
  type Block,
  type BlockStore,
  type Charge,
  type ManualClock,
  type Outcome,
  type Policy,
  type PolicyBlock,
  type Receipt,
  receiptOf,
  type TakenCharge,
  type Target,
} from 'nestjs-sluice';
import { type BrokenBackend, PlainBackend } from './plain-backend.js';

/** A right backend with blocks and credits, for faults to be put into. */
export class PlainBlocks extends PlainBackend {
  readonly blocks: BlockStore = this.memory.blocks;

  credit(charges: readonly TakenCharge[]): void {
    this.memory.credit(charges);
  }
}

/** A backend that has other blocks than its policies say. */
function ruling(change: Partial<PolicyBlock>) {
  const see = ({ policy, ...charge }: Charge): Charge => {
    const { block } = policy;
    return { ...charge, policy: block === undefined ? policy : { ...policy, block: { ...block, ...change } } };
  };
  return (clock: ManualClock) =>
    new (class extends PlainBlocks {
      override spend(charges: readonly Charge[]): Outcome {
        return super.spend(charges.map(see));
      }
    })(clock);
}

class CountsPeeks extends PlainBlocks {
  override peek(charges: readonly Charge[]): Outcome {
    const outcome = super.peek(charges);
    return outcome.allowed ? outcome : super.spend(charges);
  }
}

class EndsBlockOnSettlement extends PlainBlocks {
  override settle(receipt: Receipt, costs: readonly number[]): void {
    super.settle(receipt, costs);
    for (const { policy, subject } of receipt.charges) {
      if (policy.block !== undefined) void this.blocks.deleteBlock({ policy, subject });
    }
  }
}

class KeepsBlockOnReset extends PlainBlocks {
  override reset(targets: readonly Target[]): void {
    const withoutBlock = ({ block: _, ...policy }: Policy): Policy => policy;
    super.reset(targets.map(({ policy, subject }) => ({ policy: withoutBlock(policy), subject })));
  }
}

/** Charges all but the blocked of a denied call. */
class ExtendsBlocks extends PlainBlocks {
  override spend(charges: readonly Charge[]): Outcome {
    const outcome = super.spend(charges);
    for (const [i, decision] of outcome.decisions.entries()) {
      const charge = charges[i];
      if (decision.reason !== 'blocked' || decision.startedBlock !== undefined || charge === undefined) continue;
      void this.blocks.setBlock(charge, (decision.retryAfterMs ?? 0) + 1);
    }
    return outcome;
  }
}

class ListsAllEver extends PlainBlocks {
  readonly #all: Block[] = [];
  override readonly blocks: BlockStore = {
    setBlock: (target, forMs) => {
      const block = this.memory.blocks.setBlock(target, forMs);
      if ('policy' in block) this.#all.push(block);
      return block;
    },
    getBlock: (target) => this.memory.blocks.getBlock(target),
    deleteBlock: (target) => this.memory.blocks.deleteBlock(target),
    listBlocks: (policy) => ({ entries: this.#all.filter((block) => block.policy === policy) }),
  };
}

class CountsBlocksByHand extends PlainBlocks {
  override readonly blocks: BlockStore = {
    setBlock: async (target, forMs) => {
      const block = await this.memory.blocks.setBlock(target, forMs);
      return { ...block, strikes: block.strikes + 1 };
    },
    getBlock: (target) => this.memory.blocks.getBlock(target),
    deleteBlock: (target) => this.memory.blocks.deleteBlock(target),
    listBlocks: (policy, page) => this.memory.blocks.listBlocks(policy, page),
  };
}

class CreditsAsOfNow extends PlainBlocks {
  override credit(charges: readonly TakenCharge[]): void {
    const receipt = receiptOf(this.clock.now(), charges);
    this.settle(
      receipt,
      charges.map(() => 0),
    );
  }
}

class CreditsByReset extends PlainBlocks {
  override credit(charges: readonly TakenCharge[]): void {
    this.reset(charges);
  }
}

export const BROKEN_BLOCKS: readonly BrokenBackend[] = [
  {
    fault: 'counts what it only peeks at',
    create: (clock) => new CountsPeeks(clock),
    breaks: ['is neither ended nor extended by a cost of 0', 'behave like a model'],
  },
  {
    fault: 'never escalates',
    create: ruling({ escalate: [1] }),
    breaks: ['becomes longer with each strike', 'behave like a model'],
  },
  {
    fault: 'never forgets',
    create: ruling({ forgetAfterMs: 2 ** 45 }),
    breaks: ['becomes longer with each strike', 'is forgotten, as blocks are'],
  },
  {
    fault: 'blocks at the first denial',
    create: ruling({ after: 1 }),
    breaks: ['begins a block at the last of them', 'ends with an admitted charge', 'counts a call once'],
  },
  {
    fault: 'ends a block when a receipt settles',
    create: (clock) => new EndsBlockOnSettlement(clock),
    breaks: ['gets units back from a settlement, and stays blocked'],
  },
  {
    fault: 'keeps a block over a reset',
    create: (clock) => new KeepsBlockOnReset(clock),
    breaks: ['is free after a reset', 'behave like a model'],
  },
  {
    fault: 'makes a block longer with each call',
    create: (clock) => new ExtendsBlocks(clock),
    breaks: ['begins at the first denial, and ends at its instant', 'behave like a model'],
  },
  {
    fault: 'lists blocks that are over',
    create: (clock) => new ListsAllEver(clock),
    breaks: ['has the blocks of all budgets of a policy'],
  },
  {
    fault: 'counts blocks by hand as strikes',
    create: (clock) => new CountsBlocksByHand(clock),
    breaks: ['is not a strike, and deleting it drops'],
  },
  {
    fault: 'gives back only what was taken at this instant',
    create: (clock) => new CreditsAsOfNow(clock),
    breaks: ['returns the most recent units first'],
  },
  {
    fault: 'gives everything back',
    create: (clock) => new CreditsByReset(clock),
    breaks: ['returns units, and no more than were taken', 'to a quota counts in its window'],
  },
];
