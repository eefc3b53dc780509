import { describe, expect, it } from '@jest/globals';
import { BackendError, type FailureMode } from '../../../src/index.js';
import { startContext } from '../../support/service-app.js';
import { SlowBackend } from '../../transports/sockets/connections/handshake-client.js';

const strategy = 'fixed-window';
const one = { subject: 'user:ada' };

function outage(onError: FailureMode) {
  const backend = new SlowBackend(true);
  backend.failure = new BackendError('CONNECTION', 'down');
  return startContext({
    backend,
    policies: {
      watched: { rate: '1/min', strategy, mode: 'monitor', onError },
      strict: { rate: '5/min', strategy, onError: 'allow' },
    },
  });
}

describe('a monitored policy during an outage', () => {
  it.each(['deny', 'allow', 'local'] as const)('refuses no call with onError "%s"', async (onError) => {
    await using context = await outage(onError);
    const { throttle } = context;
    for (let i = 0; i < 3; i++) {
      const outcome = await throttle.hit('watched', 1, one);
      expect([outcome.allowed, outcome.degraded]).toEqual([true, onError === 'deny' ? 'allow' : onError]);
    }
    expect((await throttle.hit([{ policy: 'watched' }, { policy: 'strict' }], one)).allowed).toBe(true);
  });

  it('is counted in the process with onError "local", and its violations are reported', async () => {
    await using context = await outage('local');
    const { throttle } = context;
    for (let i = 0; i < 3; i++) await throttle.hit('watched', 1, one);
    expect(throttle.violations.get('watched')).toBe(2);
  });
});
