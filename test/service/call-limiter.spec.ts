import { describe, expect, it } from '@jest/globals';
import { by, definePolicy, ManualClock, MemoryBackend, type Outcome } from '../../src/index.js';
import { createSettings } from '../../src/module/create-settings.js';
import type { CompiledLimit } from '../../src/planning/compiled-limit.js';
import { fixedPolicies } from '../../src/planning/policy-source.js';
import { CallLimiter } from '../../src/service/calls/call-limiter.js';
import { CallSession } from '../../src/service/calls/call-session.js';
import type { Call } from '../../src/transports/call.js';
import { FunctionDeadlines } from '../../src/transports/functions/function-deadlines.js';
import type { Connection, Denial, Interruption, Responder } from '../../src/transports/responder.js';

interface Rejected {
  readonly reason: string;
}

/** A transport that neither throws nor sends: it records its calls, and rejects with a value. */
class RecordingCall implements Call, Responder<Rejected> {
  readonly type = 'rpc';
  readonly context = {};
  #leave = () => {};

  constructor(
    readonly steps: string[],
    readonly connection?: Connection,
  ) {}

  report({ allowed }: Outcome): void {
    this.steps.push(`report ${allowed}`);
  }

  enforce({ allowed }: Outcome): void {
    this.steps.push(`enforce ${allowed}`);
  }

  reject(_outcome: Outcome, denial: Denial): Rejected {
    this.steps.push('reject');
    return { reason: 'error' in denial ? `error: ${denial.error}` : String(denial.message) };
  }

  rejectUnavailable(retryAfterMs: number): Rejected {
    return { reason: `unavailable for ${retryAfterMs}` };
  }

  rejectInterrupted(cause: Interruption): Rejected {
    return { reason: cause };
  }

  onClientGone(listener: () => void): () => void {
    this.#leave = listener;
    return () => this.steps.push('removed the listener');
  }

  leave(): void {
    this.#leave();
  }
}

const limitOf = (more: Partial<CompiledLimit> = {}): CompiledLimit => ({
  name: 'api',
  level: 'module',
  place: 'policies.api',
  overrides: undefined,
  chargeWhen: undefined,
  concurrency: undefined,
  scope: 'app',
  policies: fixedPolicies([definePolicy('api', { rate: '1/min' })]),
  quota: undefined,
  deadlines: new FunctionDeadlines(),
  by: by.all(),
  cost: 1,
  manual: false,
  phase: 'guard',
  skip: undefined,
  message: undefined,
  onDenied: undefined,
  context: undefined,
  ...more,
});

function start(connection?: Connection) {
  const clock = new ManualClock(0);
  const limiter = new CallLimiter(createSettings({}, new MemoryBackend({ clock })));
  const steps: string[] = [];
  const open = () => {
    const call = new RecordingCall(steps, connection);
    return { call, session: new CallSession<Rejected>(call, call) };
  };
  return { clock, limiter, steps, open };
}

describe('the steps of a call', () => {
  it('report the outcome, enforce it and let the call proceed, synchronously', () => {
    const { limiter, steps, open } = start();
    expect(limiter.limit([limitOf()], open().session)).toBe(true);
    expect(steps).toEqual(['report true', 'enforce true']);
  });

  it('report a denial before functions of the user run, and reject the call last', () => {
    const { limiter, steps, open } = start();
    const limit = limitOf({
      onDenied: () => void steps.push('onDenied'),
      message: () => {
        steps.push('message');
        return 'Later';
      },
    });
    limiter.limit([limit], open().session);
    steps.length = 0;
    expect(limiter.limit([limit], open().session)).toEqual({ reason: 'Later' });
    expect(steps).toEqual(['report false', 'enforce false', 'onDenied', 'message', 'reject']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('pass the error of an onDenied that %s to the responder, instead of a message', async (_, onDenied) => {
    const { limiter, steps, open } = start();
    const limit = limitOf({ onDenied });
    limiter.limit([limit], open().session);
    steps.length = 0;
    expect(await limiter.limit([limit], open().session)).toEqual({ reason: 'error: Error: broken' });
    expect(steps).toEqual(['report false', 'enforce false', 'reject']);
  });

  it('keep the decisions and the latest outcome in the session', () => {
    const { limiter, open } = start();
    const { session } = open();
    limiter.limit([limitOf()], session);
    limiter.limit([limitOf()], session);
    expect(session.latest?.allowed).toBe(false);
    expect(session.decisions).toEqual(session.latest?.decisions);
  });
});

describe('a delayed call', () => {
  const delayed = limitOf({
    policies: fixedPolicies([definePolicy('slow', { rate: '6/min', strategy: 'leaky-bucket', burst: 3 })]),
  });

  it('proceeds after its delay', async () => {
    const { clock, limiter, steps, open } = start();
    limiter.limit([delayed], open().session);
    const result = limiter.limit([delayed], open().session);
    clock.advance(10_000);
    expect(await result).toBe(true);
    expect(steps.at(-1)).toBe('removed the listener');
  });

  it('is rejected if its client goes, or the application closes', async () => {
    const { limiter, open } = start();
    limiter.limit([delayed], open().session);
    const left = open();
    const results = [limiter.limit([delayed], left.session), limiter.limit([delayed], open().session)];
    left.call.leave();
    limiter.close();
    expect(await Promise.all(results)).toEqual([{ reason: 'client-gone' }, { reason: 'closing' }]);
  });

  it.each([0, 9_999, 10_000, 15_000])(
    'returns all of its units if its client goes after %i ms, but none that drained before it',
    async (waitedMs) => {
      const { clock, limiter, open } = start();
      limiter.limit([delayed], open().session);
      limiter.limit([delayed], open().session);
      const left = open();
      const result = limiter.limit([delayed], left.session);
      clock.advance(waitedMs);
      left.call.leave();
      expect(await result).toEqual({ reason: 'client-gone' });
      const outcome = await limiter.peek([delayed], left.call, {});
      // The other two leave at once and after 10 seconds, and take 10 seconds each to drain.
      expect(outcome.decisions[0]).toMatchObject({ allowed: true, delayMs: 20_000 - waitedMs });
    },
  );

  it('returns units of its other limits, too, in their windows', async () => {
    const { clock, limiter, open } = start();
    const window = limitOf({
      policies: fixedPolicies([definePolicy('window', { rate: '3/5s', strategy: 'fixed-window' })]),
    });
    limiter.limit([delayed, window], open().session);
    const left = open();
    const result = limiter.limit([delayed, window], left.session);
    left.call.leave();
    expect(await result).toEqual({ reason: 'client-gone' });
    expect((await limiter.peek([window], left.call, { cost: 0 })).decisions).toEqual([]);
    expect(await limiter.state([window], left.call, {})).toMatchObject([{ remaining: 2 }]);
    const late = open();
    const held = limiter.limit([delayed, window], late.session);
    clock.advance(5_000);
    limiter.limit([window], open().session);
    late.call.leave();
    await held;
    // Units taken in the last window do not count in the next.
    expect(await limiter.state([window], late.call, {})).toMatchObject([{ remaining: 2 }]);
  });
});

describe('a call on a connection', () => {
  const overflow: Outcome = { allowed: false, decisions: [], binding: null };

  it('is rejected without the backend and without functions of the user if too many others wait', () => {
    const connection: Connection = { isClosed: false, overflow: () => overflow, track: (decision) => decision };
    const { limiter, steps, open } = start(connection);
    const limit = limitOf({ onDenied: () => void steps.push('onDenied') });
    expect(limiter.limit([limit], open().session)).toEqual({ reason: 'undefined' });
    // Not bound by its limits: these were not asked.
    expect(steps).toEqual(['report false', 'reject']);
  });

  it('is tracked only while it waits for its decision', async () => {
    let tracked = 0;
    const connection: Connection = {
      isClosed: false,
      overflow: () => undefined,
      track: (decision) => {
        tracked += 1;
        return decision;
      },
    };
    const { limiter, open } = start(connection);
    expect(limiter.limit([limitOf()], open().session)).toBe(true);
    expect(tracked).toBe(0);
    expect(await limiter.limit([limitOf({ cost: async () => 1 })], open().session)).toEqual({ reason: 'undefined' });
    expect(tracked).toBe(1);
  });
});
