import {
  type Backend,
  type BackendEvent,
  type Charge,
  type Decision,
  type ManualClock,
  MemoryBackend,
  type Outcome,
  type Receipt,
  type SettingsStore,
  type Target,
  ThrottleConfigError,
} from 'nestjs-sluice';

/** A backend with one fault, and the promises that it breaks: the beginnings or parts of names of cases. */
export interface BrokenBackend {
  readonly fault: string;
  readonly create: (clock: ManualClock) => Backend;
  readonly breaks: readonly string[];
}

/** A right backend in memory, without settings, for faults to be put into. */
export class PlainBackend implements Backend {
  protected readonly memory: MemoryBackend;
  readonly settings?: SettingsStore;

  constructor(readonly clock: ManualClock) {
    this.memory = new MemoryBackend({ clock });
  }

  spend(charges: readonly Charge[]): Outcome {
    this.#assertTakeable(charges);
    return this.memory.spend(charges);
  }

  peek(charges: readonly Charge[]): Outcome {
    this.#assertTakeable(charges);
    return this.memory.peek(charges);
  }

  settle(receipt: Receipt, costs: readonly number[]): void {
    this.memory.settle(receipt, costs);
  }

  reset(targets: readonly Target[]): void {
    this.memory.reset(targets);
  }

  listen(listener: (event: BackendEvent) => void): void {
    this.memory.listen(listener);
  }

  close(): Promise<void> {
    return this.memory.close();
  }

  #assertTakeable(charges: readonly Charge[]): void {
    if (this.settings !== undefined) return;
    const overridden = charges.find(({ overriddenBy }) => overriddenBy !== undefined);
    if (overridden === undefined) return;
    throw new ThrottleConfigError(
      'SLUICE_INVALID_CHARGE',
      `a charge of "${overridden.policy.name}": there are no overrides here`,
    );
  }
}

/** Changes every decision of an outcome. */
function changed(outcome: Outcome, change: (decision: Decision) => Decision): Outcome {
  return { ...outcome, decisions: outcome.decisions.map(change), binding: outcome.binding && change(outcome.binding) };
}

/** A backend that sees other charges than it is given. */
export function seeing(see: (charge: Charge) => Charge) {
  return (clock: ManualClock): Backend =>
    new (class extends PlainBackend {
      override spend(charges: readonly Charge[]): Outcome {
        return super.spend(charges.map(see));
      }

      override peek(charges: readonly Charge[]): Outcome {
        return super.peek(charges.map(see));
      }
    })(clock);
}

/** A backend whose decisions are changed on their way out. */
export function telling(change: (decision: Decision) => Decision) {
  return (clock: ManualClock): Backend =>
    new (class extends PlainBackend {
      override spend(charges: readonly Charge[]): Outcome {
        return changed(super.spend(charges), change);
      }

      override peek(charges: readonly Charge[]): Outcome {
        return changed(super.peek(charges), change);
      }
    })(clock);
}
