import type { ManualClock, NewOverride, Override, Page, PageRequest, PolicyChange, SettingsStore } from 'nestjs-sluice';
import { MemorySettings } from '../../../src/backends/memory/memory-settings.js';
import { type BrokenBackend, PlainBackend } from './plain-backend.js';

/** A right backend with settings, for faults to be put into. */
export class PlainSettings extends PlainBackend {
  constructor(
    clock: ManualClock,
    override readonly settings: SettingsStore = new MemorySettings(clock),
  ) {
    super(clock);
  }
}

class KeepsExpired extends MemorySettings {
  override setOverride({ expiresInMs, ...override }: NewOverride): Override {
    return { ...super.setOverride(override), ...(expiresInMs !== undefined && { expiresAt: expiresInMs }) };
  }
}

class CutsSubjects extends MemorySettings {
  override setOverride(override: NewOverride): Override {
    return super.setOverride({ ...override, subject: override.subject.slice(0, 300) });
  }
}

class NumbersPages extends MemorySettings {
  override listOverrides(policy: string | undefined, { cursor = '0', limit }: PageRequest): Page<Override> {
    const { entries } = super.listOverrides(policy, { limit: 1000 });
    const end = Number(cursor) + limit;
    const page = entries.slice(Number(cursor), end);
    return end < entries.length ? { entries: page, cursor: String(end) } : { entries: page };
  }
}

class ListsPrefixes extends MemorySettings {
  override listOverrides(policy: string | undefined, page: PageRequest): Page<Override> {
    const { entries } = super.listOverrides(undefined, { limit: 1000 });
    const found = entries.filter((override) => override.policy.startsWith(policy ?? ''));
    return { entries: found.slice(0, page.limit) };
  }
}

class MergesChanges extends MemorySettings {
  override changePolicy(change: Omit<PolicyChange, 'changedAt'>): PolicyChange {
    const before = this.listPolicyChanges().find(({ policy }) => policy === change.policy);
    return super.changePolicy({ ...before, ...change });
  }
}

class CountsChanges extends MemorySettings {
  override version(): number {
    return this.listPolicyChanges().length;
  }
}

const settingsOf = (Store: new (clock: ManualClock) => SettingsStore) => (clock: ManualClock) =>
  new PlainSettings(clock, new Store(clock));

/** Faults of what is set while the service runs. */
export const BROKEN_SETTINGS: readonly BrokenBackend[] = [
  {
    fault: 'keeps overrides that have expired',
    create: settingsOf(KeepsExpired),
    breaks: ['are over at the instant of their expiry'],
  },
  { fault: 'cuts long subjects', create: settingsOf(CutsSubjects), breaks: ['are told apart by any two subjects'] },
  {
    fault: 'numbers the entries of its lists',
    create: settingsOf(NumbersPages),
    breaks: ['a page goes on behind the one before'],
  },
  {
    fault: 'lists the policies whose names begin alike',
    create: settingsOf(ListsPrefixes),
    breaks: ['are listed in pages, each once'],
  },
  {
    fault: 'keeps parts of the change before',
    create: settingsOf(MergesChanges),
    breaks: ['replace the last one of their policy as a whole'],
  },
  {
    fault: 'has the number of its changes as their version',
    create: settingsOf(CountsChanges),
    breaks: ['have a version that differs after each'],
  },
];
