// A process of a fleet on one Redis.
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';
import { connect } from '../lib/redis.mjs';
import { definePolicy, RedisBackend } from '../lib/sluice.mjs';

/** Calls in flight while the keys are created. */
const FILLERS = 256;

let load;

answer({
  /** Connects, charges each subject once, and warms up for half of the time that is measured. */
  async open(about) {
    load = await openLoad(about);
    await load.fill();
    await load.callFor(about.forMs / 2, about.inFlight);
  },

  /** Keeps `inFlight` calls on a number of policies in flight for `forMs` milliseconds. */
  async measure({ inFlight, forMs }) {
    const cpuBefore = cpuMicros();
    const startedAt = performance.now();
    const { calls, failed } = await load.callFor(forMs, inFlight);
    const seconds = (performance.now() - startedAt) / 1000;
    load.client.disconnect();
    return { calls, failed, perSecond: calls / seconds, micros: (cpuMicros() - cpuBefore) / calls };
  },
});

async function openLoad({ port, policies, keys }) {
  const client = await connect(port);
  const backend = new RedisBackend(client);
  const all = Array.from({ length: policies }, (_, i) => definePolicy(`p${i}`, '1000000000/hour'));
  const call = async (i) => {
    const subject = `user:${1_000_000 + (i % keys)}`;
    await backend.spend(all.map((policy) => ({ policy, subject, cost: 1 })));
  };
  const fill = async () => {
    let next = 0;
    const worker = async () => {
      while (next < keys) await call(next++);
    };
    await Promise.all(Array.from({ length: FILLERS }, worker));
  };
  /** Makes calls on random subjects. */
  const callFor = async (ms, inFlight) => {
    const endsAt = performance.now() + ms;
    let [calls, failed] = [0, 0];
    const worker = async () => {
      while (performance.now() < endsAt) {
        calls += 1;
        await call(Math.floor(Math.random() * keys)).catch(() => {
          failed += 1;
        });
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    return { calls, failed };
  };
  return { client, fill, callFor };
}
