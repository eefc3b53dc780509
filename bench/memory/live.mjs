// A process that measures whether a hit costs more where more hits are live: three numbers of them, in turn.
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';
import { hitChunk } from './hit-all.mjs';
import { spending } from './limiters.mjs';

const KEYS = Array.from({ length: 100 }, (_, i) => `user:${1_000_000 + i}`);
/** Hits on each key that are measured at once, and given back before the next. */
const AT_ONCE = 3;

/**
 * Almost nothing drains or leaves a window during the measurement. In a log, each new entry replaces one that expires
 * within a millisecond.
 */
const spec = (strategy, live) => ({
  rate: strategy === 'sliding-log' ? `10000 per ${live} ms` : '10000000/day',
  ...(strategy === 'gcra' && { burst: 10_000_000 }),
});

/** Keys with so many live hits each. */
class Filled {
  micros = 0;
  hits = 0;
  #outcomes = [];

  constructor(strategy, live) {
    this.live = live;
    this.isLog = strategy === 'sliding-log';
    this.limiter = spending(strategy, { keys: KEYS.length, spec: () => spec(strategy, live) });
  }

  async fill() {
    if (!this.isLog) return hitChunk(this.limiter, KEYS, 0, this.live * KEYS.length);
    for (let i = 0; i < this.live; i++) {
      await hitChunk(this.limiter, KEYS, 0, KEYS.length);
      this.limiter.pass(1);
    }
  }

  measure() {
    const before = cpuMicros();
    for (let i = 0; i < AT_ONCE * KEYS.length; i++) {
      if (this.isLog && i % KEYS.length === 0) this.limiter.pass(1);
      this.#outcomes[i] = this.limiter.hit(KEYS[i % KEYS.length]);
    }
    this.micros += cpuMicros() - before;
    this.hits += this.#outcomes.length;
    if (!this.isLog) for (const outcome of this.#outcomes) this.limiter.undo(outcome);
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
