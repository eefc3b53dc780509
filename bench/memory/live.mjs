// A process that measures whether a hit costs more if more hits are live, with three numbers of them in turn.
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';
import { hitChunk } from './hit-all.mjs';
import { spending } from './limiters.mjs';

const KEYS = Array.from({ length: 100 }, (_, i) => `user:${1_000_000 + i}`);
/** Hits on each key that are measured at once, and refunded before the next. */
const AT_ONCE = 3;

/** A policy of which almost nothing drains or leaves a window during the measurement. A log takes no limit above 10 000. */
const spec = (strategy) => ({
  rate: strategy === 'sliding-log' ? '10000/day' : '10000000/day',
  ...(strategy === 'gcra' && { burst: 10_000_000 }),
});

/** Keys with a number of live hits each. */
class Filled {
  micros = 0;
  hits = 0;
  #outcomes = [];

  constructor(strategy, live) {
    this.live = live;
    this.isLog = strategy === 'sliding-log';
    this.limiter = spending(strategy, { keys: KEYS.length, spec });
  }

  async fill() {
    if (!this.isLog) return hitChunk(this.limiter, KEYS, 0, this.live * KEYS.length);
    for (let i = 0; i < this.live; i++) {
      await hitChunk(this.limiter, KEYS, 0, KEYS.length);
      this.limiter.pass(1); // hits of one millisecond are one entry
    }
  }

  measure() {
    const before = cpuMicros();
    for (let i = 0; i < AT_ONCE * KEYS.length; i++) this.#outcomes[i] = this.limiter.hit(KEYS[i % KEYS.length]);
    this.micros += cpuMicros() - before;
    this.hits += this.#outcomes.length;
    for (const outcome of this.#outcomes) this.limiter.undo(outcome);
  }
}

answer({
  async measure({ strategy, lives, turns }) {
    const all = lives.map((live) => new Filled(strategy, live));
    for (const filled of all) await filled.fill();
    for (let turn = 0; turn < turns; turn++) {
      for (let i = 0; i < all.length; i++) all[(turn + i) % all.length].measure();
      // The first quarter warms up.
      if (turn === turns >> 2) for (const filled of all) Object.assign(filled, { micros: 0, hits: 0 });
    }
    return Object.fromEntries(all.map(({ live, micros, hits }) => [live, micros / hits]));
  },
});
