import { type Charge, type ManualClock, type Outcome, type Receipt, ThrottleConfigError } from 'nestjs-sluice';
import { PlainBackend } from './plain-backend.js';

/** A backend without modes: it refuses them, or ignores some of what it cannot do, which is a fault. */
export class PlainLimits extends PlainBackend {
  constructor(
    clock: ManualClock,
    private readonly fault: { readonly ignored?: 'mode' | 'arguments' | 'overruns' } = {},
  ) {
    super(clock);
  }

  override spend(charges: readonly Charge[]): Outcome {
    return super.spend(this.#plain(charges));
  }

  override peek(charges: readonly Charge[]): Outcome {
    return super.peek(this.#plain(charges));
  }

  override settle(receipt: Receipt, costs: readonly number[]): void {
    const cut = costs.map((to, i) => (Number.isSafeInteger(to) ? Math.min(to, receipt.charges[i]?.cost ?? to) : to));
    const isRefused = this.fault.ignored !== 'overruns' && cut.some((to, i) => to < (costs[i] ?? 0));
    if (isRefused) throw new ThrottleConfigError('SLUICE_INVALID_CHARGE', 'settle: only at what was taken, or less');
    super.settle(receipt, cut);
  }

  #plain(charges: readonly Charge[]): readonly Charge[] {
    const { ignored } = this.fault;
    return charges.map((charge) => {
      const { mode, arguments: args, ...plain } = charge;
      const hasMode = mode === 'record' || mode === 'monitor';
      if (ignored === 'mode' && hasMode) return plain;
      if (ignored === 'arguments' && args !== undefined) return plain;
      // Invalid values are for the backend behind this one to refuse.
      if (hasMode)
        throw new ThrottleConfigError(
          'SLUICE_INVALID_CHARGE',
          `a charge of "${charge.policy.name}": ${mode} is not supported`,
        );
      return charge;
    });
  }
}
