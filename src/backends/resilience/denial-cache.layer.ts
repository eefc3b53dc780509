import type { Awaitable } from '../../core/awaitable.js';
import { type Charge, isCost, type Outcome, type Receipt, type TakenCharge } from '../../core/decision.js';
import type { Target } from '../backend.js';
import { BackendLayer } from '../backend-layer.js';
import { DenialDroppingBlocks } from '../blocks/denial-dropping-blocks.js';
import type { DenialCache } from './denial-cache.js';
import { DenialDroppingSettings } from './denial-dropping-settings.js';
import type { RemoteBackend } from './remote.backend.js';

/**
 * Answers calls that are known to be denied from a cache. All others go to the remote backend, whose denials are
 * cached.
 */
export class DenialCacheLayer extends BackendLayer<RemoteBackend> {
  /** Delegated by BackendLayer. A remote backend always has it. */
  declare readonly lease: RemoteBackend['lease'];
  declare readonly credit?: (charges: readonly TakenCharge[]) => Awaitable<void>;

  constructor(
    inner: RemoteBackend,
    private readonly cache: DenialCache,
  ) {
    super(inner, {
      around: (settings) => new DenialDroppingSettings(settings, cache),
      aroundBlocks: (blocks) => new DenialDroppingBlocks(blocks, cache),
    });
    const { credit } = inner;
    if (credit === undefined) return;
    this.credit = (charges) => {
      cache.invalidate(charges);
      return credit(charges);
    };
  }

  override spend(charges: readonly Charge[]): Awaitable<Outcome> {
    const { cache } = this;
    const known = cache.get(charges);
    // The remote backend reports invalid costs.
    if (known !== undefined && haveValidCosts(charges)) return known;
    return this.inner.spend(charges, cache.startCall());
  }

  override settle(receipt: Receipt, costs: readonly number[]): Awaitable<void> {
    this.cache.invalidate(receipt.charges);
    return this.inner.settle(receipt, costs);
  }

  override reset(targets: readonly Target[]): Awaitable<void> {
    this.cache.invalidate(targets);
    return this.inner.reset(targets);
  }
}

/** A loop: a closure is half of the cost of a cached denial. */
function haveValidCosts(charges: readonly Charge[]): boolean {
  for (const { cost } of charges) if (!isCost(cost)) return false;
  return true;
}
