import type {
  Charge,
  Decision,
  HeldUnits,
  HoldEnd,
  HoldReference,
  HoldRequest,
  HoldStore,
  ManualClock,
  Outcome,
  Policy,
} from 'nestjs-sluice';
import { type BrokenBackend, PlainBackend } from './plain-backend.js';

type Layer = new (inner: HoldStore, backend: PlainBackend) => HoldStore;

/** Holds of a right backend, for faults to be put into. */
class HoldsLayer implements HoldStore {
  constructor(
    protected readonly inner: HoldStore,
    protected readonly backend: PlainBackend,
  ) {}

  async take(holds: readonly HoldRequest[], charges: readonly Charge[]): Promise<Outcome> {
    return this.inner.take(holds, charges);
  }

  async peek(holds: readonly HoldRequest[], charges: readonly Charge[]): Promise<Outcome> {
    return this.inner.peek(holds, charges);
  }

  async extend(holds: readonly HoldReference[], ttlMs: number): Promise<readonly boolean[]> {
    return this.inner.extend(holds, ttlMs);
  }

  async grow(hold: HoldReference, units: number): Promise<Decision | undefined> {
    return this.inner.grow(hold, units);
  }

  async end(holds: readonly HoldEnd[]): Promise<readonly boolean[]> {
    return this.inner.end(holds);
  }
}

/** A right backend with holds. */
export class PlainHolds extends PlainBackend {
  readonly holds: HoldStore;

  constructor(clock: ManualClock, Layer: Layer = HoldsLayer) {
    super(clock);
    this.holds = new Layer(this.memory.holds, this);
  }
}

/** Sees the holds of calls in another way. */
function seeing(see: <T extends HoldReference>(hold: T) => T): Layer {
  return class extends HoldsLayer {
    override take(holds: readonly HoldRequest[], charges: readonly Charge[]) {
      return super.take(holds.map(see), charges);
    }
    override peek(holds: readonly HoldRequest[], charges: readonly Charge[]) {
      return super.peek(holds.map(see), charges);
    }
    override extend(holds: readonly HoldReference[], ttlMs: number) {
      return super.extend(holds.map(see), ttlMs);
    }
    override grow(hold: HoldReference, units: number) {
      return super.grow(see(hold), units);
    }
    override end(holds: readonly HoldEnd[]) {
      return super.end(holds.map(see));
    }
  };
}

/** Sees the policies of holds in another way. */
const seeingPolicy = (see: (policy: Policy) => Policy) => seeing((hold) => ({ ...hold, policy: see(hold.policy) }));

const withRules = (rules: Partial<HeldUnits>) =>
  seeingPolicy((policy) => ({ ...policy, ...(policy.held && { held: { ...policy.held, ...rules } }) }));

class HoldsFirst extends HoldsLayer {
  override async take(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    const held = await super.take(holds, []);
    const outcome = await super.take([], charges);
    const allowed = held.allowed && outcome.allowed;
    return { ...outcome, allowed, decisions: [...held.decisions, ...outcome.decisions] };
  }
}

class ChargesFirst extends HoldsLayer {
  override async take(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    const outcome = await super.take([], charges);
    if (!outcome.allowed) return super.take(holds, charges);
    const held = await super.take(holds, []);
    return { ...outcome, allowed: held.allowed, decisions: [...held.decisions, ...outcome.decisions] };
  }
}

/** Decides by what another call may change before this one writes. */
class Races extends HoldsLayer {
  override async take(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    const outcome = await super.peek(holds, charges);
    await Promise.resolve();
    if (!outcome.allowed) return super.take(holds, charges);
    const unbounded = holds.map((hold) => ({ ...hold, policy: { ...hold.policy, limit: 10 ** 9 } }));
    const { receipt } = await super.take(unbounded, charges);
    return receipt === undefined ? outcome : { ...outcome, receipt };
  }
}

class TakesAgain extends HoldsLayer {
  #next = 1000;
  override async take(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    const areOpen = await super.extend(holds, 1);
    return super.take(
      holds.map((hold, i) => (areOpen[i] ? { ...hold, id: this.#next++ } : hold)),
      charges,
    );
  }
}

class ChargesAgain extends HoldsLayer {
  override async take(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    const areOpen = await super.extend(holds, 1);
    if (areOpen.includes(true)) await super.take([], charges);
    return super.take(holds, charges);
  }
}

/** Frees a permit without checking its holder. */
class FreesAny extends HoldsLayer {
  #last: HoldReference | undefined;
  override take(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    this.#last = holds.at(-1) ?? this.#last;
    return super.take(holds, charges);
  }
  override async end(holds: readonly HoldEnd[]) {
    const ended = await super.end(holds);
    if (ended.includes(false) && this.#last !== undefined) await super.end([{ ...this.#last, units: 0 }]);
    return ended;
  }
}

class SettlesUpToEstimates extends HoldsLayer {
  readonly #estimates = new Map<number, number>();
  override take(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    for (const { id, units } of holds) this.#estimates.set(id, units);
    return super.take(holds, charges);
  }
  override end(holds: readonly HoldEnd[]) {
    return super.end(
      holds.map((hold) => ({ ...hold, units: Math.min(hold.units, this.#estimates.get(hold.id) ?? 0) })),
    );
  }
}

class DropsAtTurn extends HoldsLayer {
  #window = 0;
  #all: readonly HoldReference[] = [];
  override async take(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    await this.#turn();
    this.#all = [...this.#all, ...holds];
    return super.take(holds, charges);
  }
  override async peek(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    await this.#turn();
    return super.peek(holds, charges);
  }
  async #turn() {
    const window = Math.floor(this.backend.clock.now() / 60_000);
    if (window !== this.#window) await super.end(this.#all.map((hold) => ({ ...hold, units: 0 })));
    this.#window = window;
  }
}

class ExtendsExactly extends HoldsLayer {
  override async extend(holds: readonly HoldReference[], ttlMs: number) {
    const ended = await super.end(holds.map((hold) => ({ ...hold, units: 0 })));
    const again = holds.filter((_, i) => ended[i]).map((hold) => ({ ...hold, units: 1, ttlMs }));
    await super.take(again, []);
    return ended;
  }
}

class GrowsFreely extends HoldsLayer {
  override async grow(hold: HoldReference, units: number) {
    const decision = await super.grow({ ...hold, policy: { ...hold.policy, limit: 10 ** 9 } }, units);
    return decision && { ...decision, limit: hold.policy.limit };
  }
}

class Shrinks extends HoldsLayer {
  override async grow(hold: HoldReference, units: number) {
    const decision = await super.grow(hold, units);
    if (decision?.allowed !== true) return decision;
    await super.end([{ ...hold, units: 0 }]);
    const { decisions } = await super.take([{ ...hold, units, ttlMs: 30_000 }], []);
    return decisions[0];
  }
}

class WritingPeek extends HoldsLayer {
  override async peek(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    const { receipt: _, ...outcome } = await super.take(holds, charges);
    return outcome;
  }
}

class ShortWaits extends HoldsLayer {
  override async take(holds: readonly HoldRequest[], charges: readonly Charge[]) {
    const outcome = await super.take(holds, charges);
    const shorter = ({ retryAfterMs, ...decision }: Decision) => ({
      ...decision,
      retryAfterMs: retryAfterMs && retryAfterMs - 1,
    });
    return { ...outcome, decisions: outcome.decisions.map(shorter) };
  }
}

const withHolds = (Layer: Layer) => (clock: ManualClock) => new PlainHolds(clock, Layer);

/** Faults of what is held. */
export const BROKEN_HOLDS: readonly BrokenBackend[] = [
  {
    fault: 'takes permits before it asks the rate',
    create: withHolds(HoldsFirst),
    breaks: ['takes no permit if a rate denies'],
  },
  {
    fault: 'charges the rate before it asks for permits',
    create: withHolds(ChargesFirst),
    breaks: ['consumes no rate if a permit denies', 'random holds'],
  },
  {
    fault: 'decides concurrent holds by what it read before',
    create: withHolds(Races),
    breaks: ['admits 5 of 50 at once', 'admits six of twenty reservations of 75 against 500 at once'],
  },
  {
    fault: 'takes an id again',
    create: withHolds(TakesAgain),
    breaks: [
      'takes a permit once, even if it is requested again with other values',
      'takes its charges once if it is sent again',
    ],
  },
  {
    fault: 'charges again what is sent again',
    create: withHolds(ChargesAgain),
    breaks: ['takes its charges once if it is sent again'],
  },
  {
    fault: 'frees a permit twice',
    create: withHolds(FreesAny),
    breaks: ['frees a permit once', 'does not free the permit of another holder when an expired permit is ended'],
  },
  {
    fault: 'ignores weights',
    create: withHolds(seeing((hold) => ('units' in hold ? { ...hold, units: Math.min(1, Number(hold.units)) } : hold))),
    breaks: ['has holds of different weights', 'gets back the units by which a settlement is below its estimate'],
  },
  {
    fault: 'keeps holds that have expired',
    create: withHolds(seeing((hold) => ('ttlMs' in hold ? { ...hold, ttlMs: Number(hold.ttlMs) * 1000 } : hold))),
    breaks: ['has a permit free again at the instant of its expiry', 'is charged for a hold that expires'],
  },
  {
    fault: 'settles up to the estimate',
    create: withHolds(SettlesUpToEstimates),
    breaks: ['records in full the units by which a settlement is above its estimate', 'random holds'],
  },
  {
    fault: 'charges nothing for a hold that expires',
    create: withHolds(withRules({ onExpiry: 'release' })),
    breaks: ['is charged for a hold that expires', 'charges the window in which a hold expired'],
  },
  {
    fault: 'charges for a hold that expires, whatever the policy says',
    create: withHolds(withRules({ onExpiry: 'charge' })),
    breaks: ['gets back the units of a hold that expires, with `release`'],
  },
  {
    fault: 'carries no debt',
    create: withHolds(
      seeingPolicy(({ held, ...policy }) => ({ ...policy, ...(held && { held: { onExpiry: held.onExpiry } }) })),
    ),
    breaks: [
      'takes units above the limit from the next window only, with `carryDebt`',
      'carries what expired holds leave above the limit',
    ],
  },
  {
    fault: 'carries every debt',
    create: withHolds(withRules({ carryDebt: true })),
    breaks: ['drops units above the limit when the window ends'],
  },
  {
    fault: 'drops open holds at the turn of a window',
    create: withHolds(DropsAtTurn),
    breaks: ['keeps an open hold in the next window'],
  },
  {
    fault: 'lets a hold expire earlier when it is extended',
    create: withHolds(ExtendsExactly),
    breaks: ['never lets a permit expire earlier because it is extended'],
  },
  {
    fault: 'grows holds above the limit',
    create: withHolds(GrowsFreely),
    breaks: ['never serves more than is held, in chunks of any size'],
  },
  {
    fault: 'shrinks holds',
    create: withHolds(Shrinks),
    breaks: ['never shrinks a hold'],
  },
  {
    fault: 'writes when it peeks at holds',
    create: withHolds(WritingPeek),
    breaks: ['a call with holds: peeks at the outcome that it then has, and writes nothing'],
  },
  {
    fault: 'reports waits for holds that are one millisecond too short',
    create: withHolds(ShortWaits),
    breaks: ['has as many permits as its limit', 'is charged for a hold that expires', 'random holds'],
  },
  {
    fault: 'counts permits by the name of the policy alone',
    create: withHolds(seeingPolicy((policy) => ({ ...policy, id: policy.name }))),
    breaks: ['a limit of concurrency: is counted separately for each subject and policy'],
  },
  {
    fault: 'takes upper-case subjects of holds for lower-case ones',
    create: withHolds(seeing((hold) => ({ ...hold, subject: hold.subject.toLowerCase() }))),
    breaks: ['a limit of concurrency: is counted separately for each subject and policy'],
  },
];
