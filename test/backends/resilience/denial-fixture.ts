import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { DenialCache } from '../../../src/backends/resilience/denial-cache.js';
import { ManualClock } from '../../../src/core/clock.js';
import type { Charge, Outcome } from '../../../src/core/decision.js';
import { START } from '../../support/start-time.js';

/** A server that answers after a while, and a cache of its denials. */
export class CachedServer {
  readonly clock = new ManualClock(START);
  readonly server = new MemoryBackend({ clock: this.clock });
  readonly cache: DenialCache;
  asked = 0;

  constructor(forMs = 1000, max = 100) {
    this.cache = new DenialCache(forMs, max, this.clock);
  }

  /** Returns the cached denial, or what the server decides `there` ms later, which arrives `back` ms after that. */
  async spend(charges: readonly Charge[], there = 0, back = 0): Promise<Outcome> {
    return (
      this.cache.get(charges) ??
      this.learn(charges, () => {
        this.asked += 1;
        this.clock.advance(there);
        const outcome = this.server.spend(charges);
        this.clock.advance(back);
        return outcome;
      })
    );
  }

  /** Lets the cache learn an outcome, as a caller does that awaits it. */
  async learn(charges: readonly Charge[], ask: () => Outcome | Promise<Outcome>): Promise<Outcome> {
    const started = this.cache.startCall();
    const outcome = await ask();
    started.learn(charges, outcome);
    return outcome;
  }
}
