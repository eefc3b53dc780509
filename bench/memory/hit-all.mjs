import { setImmediate as turn } from 'node:timers/promises';
import { cpuMicros } from '../lib/cpu.mjs';

const CHUNK = 1000;

/** What a hit returned last: a result that is never looked at might never be made. */
export let last;

/** Hits keys one after the other, from the index `from` on and around. What needs no await is not awaited. */
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
 * The same in turns of the event loop, so that timers and sweeps run meanwhile, as they would between requests.
 * Ends early when `budgetMicros` of CPU are spent: some peers get slower with each hit.
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
