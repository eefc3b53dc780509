import { setImmediate as turn } from 'node:timers/promises';
import { cpuMicros } from '../lib/cpu.mjs';

const CHUNK = 1000;

/** The last result of a hit, stored so that the compiler cannot optimize it away. */
export let last;

/** Hits keys one after another, from the index `from` on, wrapping around. Awaits only promises. */
export async function hitChunk({ hit, isSync }, keys, from, count) {
  const { length } = keys;
  let at = from % length;
  for (let i = 0; i < count; i++) {
    const answer = hit(keys[at]);
    last = isSync ? answer : await answer;
    if (++at === length) at = 0;
  }
}

/**
 * Like `hitChunk`, over several event-loop turns, so that timers and sweeps run as between requests. Ends early when
 * `budgetMicros` of CPU are spent, because some peers become slower with each hit.
 */
export async function hitAll(limiter, keys, count, budgetMicros) {
  const before = cpuMicros();
  let hits = 0;
  while (hits < count && cpuMicros() - before < budgetMicros) {
    await hitChunk(limiter, keys, hits, CHUNK);
    hits += CHUNK;
    await turn();
  }
  return { hits, micros: cpuMicros() - before };
}
