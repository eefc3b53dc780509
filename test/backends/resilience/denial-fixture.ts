import { DenialCache } from '../../../src/backends/resilience/denial-cache.js';
import { type Charge, ManualClock, MemoryBackend, type Outcome } from '../../../src/index.js';
import { START } from '../../support/http-app.js';

/** A backend that answers after a while, and what is remembered of its denials. */
export class Remembered {
  readonly clock = new ManualClock(START);
  readonly server = new MemoryBackend({ clock: this.clock });
  readonly memory: DenialCache;
  asked = 0;

  constructor(forMs = 1000, max = 100) {
    this.memory = new DenialCache(forMs, max, () => this.clock.now());
  }

  /** What is known, or else what the server says `there` ms later, which arrives `back` ms after that. */
  async spend(charges: readonly Charge[], there = 0, back = 0): Promise<Outcome> {
    return (
      this.memory.get(charges) ??
      this.memory.learn(charges, async () => {
        this.asked += 1;
        this.clock.advance(there);
        const outcome = this.server.spend(charges);
        this.clock.advance(back);
        return outcome;
      })
    );
  }
}
