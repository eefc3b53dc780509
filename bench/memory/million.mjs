// A process that fills a store with a million keys, hits them once more, and has all of them expire.
import { setImmediate as turn } from 'node:timers/promises';
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';
import { hitChunk } from './hit-all.mjs';
import { limiter } from './limiters.mjs';

const CHUNK = 100;
/** A stride that is prime to any number of keys: the second hits find nothing in the caches. */
const STRIDE = 7919;
/** How long peers keep a key. They use timers, so their expiry is awaited. */
const PEER_WINDOW_MS = 10_000;

/** A policy that keeps a hit for hours, and allows a second one. */
const spec = (strategy) => ({ rate: '2/day', ...(strategy === 'gcra' && { burst: 2 }) });

/** Twelve bytes. */
const keyOf = (i) => `user:${1_000_000 + i}`;

/** Returns the bytes of the heap and of buffers. */
function bytes() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * Measures the longest turn of the event loop: the elapsed time or the CPU time of this process, whichever is less. In
 * the rest of the time the machine ran something else.
 */
class LongestTurn {
  ms = 0;
  #startedAt;
  #cpuBefore;

  begin() {
    this.#startedAt = performance.now();
    this.#cpuBefore = cpuMicros();
  }

  end() {
    const passedMs = performance.now() - this.#startedAt;
    if (passedMs > this.ms) this.ms = Math.max(this.ms, Math.min(passedMs, (cpuMicros() - this.#cpuBefore) / 1000));
  }
}

/** Hits all keys in short turns. Returns the CPU per hit, without creating the keys, and the longest turn. */
async function pass(measured, count, indexOf) {
  const longest = new LongestTurn();
  let micros = 0;
  for (let from = 0; from < count; from += CHUNK) {
    const keys = Array.from({ length: CHUNK }, (_, i) => keyOf(indexOf(from + i)));
    longest.begin();
    const before = cpuMicros();
    await hitChunk(measured, keys, 0, CHUNK);
    micros += cpuMicros() - before;
    await turn();
    longest.end();
  }
  return { microsAHit: micros / count, longestMs: longest.ms };
}

/** Returns the longest turn until all keys have expired. */
async function expiry(measured) {
  const longest = new LongestTurn();
  const startedAt = performance.now();
  const endsAt = startedAt + (measured.expire === undefined ? 2.5 * PEER_WINDOW_MS : 60_000);
  measured.expire?.();
  while (performance.now() < endsAt && measured.size?.() !== 0) {
    longest.begin();
    await turn();
    longest.end();
  }
  return { expiryTurnMs: longest.ms, expirySeconds: (performance.now() - startedAt) / 1000 };
}

answer({
  async measure({ variant, count, awaitsExpiry }) {
    const measured = await limiter(variant, { windowMs: PEER_WINDOW_MS, keys: count, spec });
    await pass(measured, 10_000, (i) => count + i); // warms up
    const before = bytes();
    const insert = await pass(measured, count, (i) => i);
    const bytesAKey = (bytes() - before) / count;
    const second = await pass(measured, count, (i) => (i * STRIDE) % count);
    return {
      insertMicros: insert.microsAHit,
      insertTurnMs: insert.longestMs,
      bytesAKey,
      secondMicros: second.microsAHit,
      ...(awaitsExpiry ? await expiry(measured) : {}),
    };
  },
});
