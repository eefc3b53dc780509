import {
  type Charge,
  type ManualClock,
  type NewOverride,
  type NewPolicyChange,
  type Outcome,
  type Override,
  type Page,
  type PageRequest,
  type Receipt,
  receiptOf,
  type SettingsStore,
} from 'nestjs-sluice';
import { SettingsLayer } from '../../../src/backends/settings-layer.js';
import { type BrokenBackend, PlainBackend } from './plain-backend.js';

/** A right backend with settings, for faults to be put into. */
export class PlainSettings extends PlainBackend {
  override readonly settings: SettingsStore;

  constructor(clock: ManualClock, Layer: new (inner: SettingsStore) => SettingsStore = SettingsLayer) {
    super(clock);
    this.settings = new Layer(this.memory.settings);
  }
}

class KeepsExpired extends SettingsLayer {
  override async setOverride({ expiresInMs = 0, ...override }: NewOverride): Promise<Override> {
    return { ...(await super.setOverride(override)), expiresAt: expiresInMs };
  }
}

class CutsSubjects extends SettingsLayer {
  override setOverride(override: NewOverride) {
    return super.setOverride({ ...override, subject: override.subject.slice(0, 300) });
  }
}

class NumbersPages extends SettingsLayer {
  override async listOverrides(policy: string | undefined, { cursor = '0', limit }: PageRequest) {
    const { entries } = await super.listOverrides(policy, { limit: 1000 });
    const end = Number(cursor) + limit;
    const page: Page<Override> = { entries: entries.slice(Number(cursor), end) };
    return end < entries.length ? { ...page, cursor: String(end) } : page;
  }
}

class ListsPrefixes extends SettingsLayer {
  override async listOverrides(policy: string | undefined, { limit }: PageRequest) {
    const { entries } = await super.listOverrides(undefined, { limit: 1000 });
    return { entries: entries.filter((override) => override.policy.startsWith(policy ?? '')).slice(0, limit) };
  }
}

class ReplacesChanges extends SettingsLayer {
  override async changePolicy(change: NewPolicyChange) {
    await super.resetPolicy(change.policy);
    return super.changePolicy(change);
  }
}

class CountsChanges extends SettingsLayer {
  override async version() {
    return (await this.listPolicyChanges()).length;
  }
}

/** A backend that sees the overrides of a charge in another way. */
class SeesOverrides extends PlainSettings {
  constructor(
    clock: ManualClock,
    private readonly see: (charge: Charge) => Charge,
  ) {
    super(clock);
  }

  override spend(charges: readonly Charge[]): Outcome {
    return super.spend(charges.map(this.see));
  }

  override peek(charges: readonly Charge[]): Outcome {
    return super.peek(charges.map(this.see));
  }
}

class SettlesPolicies extends PlainSettings {
  override settle({ at, charges }: Receipt, costs: readonly number[]): void {
    super.settle(
      receiptOf(
        at,
        charges.map(({ rate: _, ...charge }) => charge),
      ),
      costs,
    );
  }
}

class SettlesUnlimited extends PlainSettings {
  override settle({ at, charges }: Receipt, costs: readonly number[]): void {
    const withoutUnlimited = charges.map(({ rate, ...charge }) =>
      rate === undefined || rate === 'unlimited' ? charge : { ...charge, rate },
    );
    super.settle(receiptOf(at, withoutUnlimited), costs);
  }
}

const settingsOf = (Layer: new (inner: SettingsStore) => SettingsStore) => (clock: ManualClock) =>
  new PlainSettings(clock, Layer);

/** Faults of what is set while the service runs. */
export const BROKEN_SETTINGS: readonly BrokenBackend[] = [
  {
    fault: 'keeps overrides that have expired',
    create: settingsOf(KeepsExpired),
    breaks: ['end at the instant of their expiry', 'raises it, and expires'],
  },
  {
    fault: 'cuts long subjects',
    create: settingsOf(CutsSubjects),
    breaks: ['of two subjects are stored separately, even if the subjects look alike'],
  },
  {
    fault: 'numbers the entries of its lists',
    create: settingsOf(NumbersPages),
    breaks: ['a page continues after the previous one'],
  },
  {
    fault: 'lists the policies whose names begin alike',
    create: settingsOf(ListsPrefixes),
    breaks: ['are listed in pages, each once'],
  },
  {
    fault: 'drops the change before as a whole',
    create: settingsOf(ReplacesChanges),
    breaks: ['do not change members that they do not name'],
  },
  {
    fault: 'has the number of its changes as their version',
    create: settingsOf(CountsChanges),
    breaks: ['have a version that changes with each'],
  },
  {
    fault: 'ignores stored overrides',
    create: (clock) => new SeesOverrides(clock, ({ overriddenBy: _, ...charge }) => charge),
    breaks: [
      'says which rate an override put in force',
      'is decided like a policy with its rate',
      'passes at any cost',
    ],
  },
  {
    fault: 'prefers the override of the last subject',
    create: (clock) =>
      new SeesOverrides(clock, (charge) =>
        charge.overriddenBy === undefined ? charge : { ...charge, overriddenBy: charge.overriddenBy.toReversed() },
      ),
    breaks: ['is decided under the most specific override'],
  },
  {
    fault: 'looks for overrides of the charged subject only',
    create: (clock) =>
      new SeesOverrides(clock, (charge) =>
        charge.overriddenBy === undefined ? charge : { ...charge, overriddenBy: [charge.subject] },
      ),
    breaks: ['or be shared by several'],
  },
  {
    fault: "settles in the policy's budget what was taken under an override",
    create: (clock) => new SettlesPolicies(clock),
    breaks: ['that was charged is settled, even if the override stays'],
  },
  {
    fault: 'settles what was unlimited',
    create: (clock) => new SettlesUnlimited(clock),
    breaks: ['does not affect the others of its call'],
  },
];
