import { describe, expect, it } from '@jest/globals';
import {
  answersOf,
  askUntil,
  charge,
  counter,
  failureOf,
  GRACE_MS,
  guarded,
  PATIENT_MS,
  probesFail,
  SECRET,
  textOf,
} from '../../../support/redis/faults.js';
import { REDIS_STATES } from '../../../support/redis/refusing-servers.js';

describe('a server that refuses', () => {
  it.concurrent.each(REDIS_STATES.map((state) => [state.code, state.when, state] as const))(
    'with %s (%s) is replaced by onError, reported once, and once when it is over',
    async (code, _, state) => {
      const { client, heal, stop } = await state.start();
      const { backend, events, failed } = guarded(client, 'local', PATIENT_MS);
      const ask = () => backend.spend([charge(counter('c'))]);
      try {
        const { error } = await failureOf(client, SECRET, PATIENT_MS);
        expect(error.code).toBe(code);
        expect(error.transient).toBe(state.isTransient);
        expect(textOf(error)).not.toContain(SECRET);
        expect(error.message).toMatch(/^Redis at 127\.0\.0\.1:\d+: /);
        expect(failed).toEqual([]);
        const { answers, expected, late } = await answersOf(client, PATIENT_MS, GRACE_MS);
        expect(answers).toEqual(expected);
        expect(late).toBe(0);

        await probesFail(1, backend, ask);
        expect(events).toEqual([{ type: 'degraded', code: error.code, message: error.message }]);
        const { message, transient } = error;
        expect(failed).toEqual([{ type: 'failed', code, message, transient }]);
        expect(backend.failures.get(code)).toBeGreaterThanOrEqual(5);
        if (heal === undefined) return;
        await heal();
        await askUntil(ask, ({ degraded }) => degraded === undefined);
        expect(events).toEqual([{ type: 'degraded', code: error.code, message: error.message }, { type: 'recovered' }]);
      } finally {
        await backend.close();
        await stop();
      }
    },
  );
});
