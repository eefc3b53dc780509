// A process that measures calls in memory, by the number of known keys, policies per call, and segments.
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';
import { definePolicy, MemoryBackend } from '../lib/sluice.mjs';

const WARM_UP = 100_000;
/** The number of calls per event-loop turn, so that the sweep can run. */
const A_TURN = 1000;

answer({
  /** @returns CPU microseconds per call */
  async measure({ strategy, keys, policies, calls, segments }) {
    const backend = new MemoryBackend({ maxKeys: keys * policies + 1 });
    // A bucket is not full again before its next charge: it would be forgotten.
    const rates = strategy === 'token-bucket' ? { rate: '1000/hour', burst: 1_000_000_000 } : { rate: '10000000/hour' };
    const rate = { ...rates, strategy, ...(segments !== undefined && { segments }) };
    const all = Array.from({ length: policies }, (_, i) => definePolicy(`p${i}`, rate));
    const subjects = Array.from({ length: keys }, (_, i) => `user:${1_000_000 + i}`);
    const callAll = async (count) => {
      for (let i = 0; i < count; i++) {
        const subject = subjects[i % keys];
        const { allowed } = backend.spend(all.map((policy) => ({ policy, subject, cost: 1 })));
        if (!allowed) throw new Error('a call was denied');
        if (i % A_TURN === 0) await new Promise(setImmediate);
      }
    };
    await callAll(Math.max(WARM_UP, keys));
    const before = cpuMicros();
    await callAll(calls);
    return { micros: (cpuMicros() - before) / calls };
  },
});
