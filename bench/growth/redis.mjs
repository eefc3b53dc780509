// A process of a fleet on one Redis.
import { answer } from '../lib/child.mjs';
import { cpuMicros } from '../lib/cpu.mjs';
import { connect } from '../lib/redis.mjs';
import { definePolicy, RedisBackend } from '../lib/sluice.mjs';

const SUBJECTS = 1000;

answer({
  /** Keeps `inFlight` calls on so many policies under way for so long. */
  async measure({ port, policies, inFlight, forMs }) {
    const client = await connect(port);
    const backend = new RedisBackend(client);
    const all = Array.from({ length: policies }, (_, i) => definePolicy(`p${i}`, '1000000000/hour'));
    let calls = 0;
    let failed = 0;
    const callFor = async (ms) => {
      const endsAt = performance.now() + ms;
      const worker = async () => {
        while (performance.now() < endsAt) {
          const subject = `user:${1_000_000 + (calls++ % SUBJECTS)}`;
          try {
            await backend.spend(all.map((policy) => ({ policy, subject, cost: 1 })));
          } catch {
            failed += 1;
          }
        }
      };
      await Promise.all(Array.from({ length: inFlight }, worker));
    };
    await callFor(forMs / 2); // warms up
    [calls, failed] = [0, 0];
    const cpuBefore = cpuMicros();
    const startedAt = performance.now();
    await callFor(forMs);
    const seconds = (performance.now() - startedAt) / 1000;
    client.disconnect();
    return { calls, failed, perSecond: calls / seconds, micros: (cpuMicros() - cpuBefore) / calls };
  },
});
