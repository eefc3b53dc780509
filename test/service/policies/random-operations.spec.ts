import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Backend,
  type By,
  type CallOptions,
  ManualClock,
  MemoryBackend,
  type Outcome,
  RedisBackend,
  type ThrottleModuleOptions,
  type ThrottleService,
} from '../../../src/index.js';
import { PATIENT_MS } from '../../support/redis/faults.js';
import { ownRedis } from '../../support/redis/private-redis.js';
import { freshPrefix } from '../../support/redis/redis-shared.js';
import { scaled } from '../../support/scale.js';
import { startContext } from '../../support/service-app.js';
import { START } from '../../support/start-time.js';

/** An application, and what it did so far. */
interface Subject {
  readonly throttle: ThrottleService;
  readonly clock: ManualClock;
  readonly plans: Map<string, string>;
  readonly outcomes: Outcome[];
}

type Operation = (subject: Subject) => unknown;

const inContext =
  (member: string): By =>
  ({ context }) => {
    const found: unknown = context[member];
    return typeof found === 'string' ? found : null;
  };

function optionsOf(backend: Backend, plans: ReadonlyMap<string, string>): ThrottleModuleOptions {
  return {
    backend,
    policies: {
      api: { rate: '10/min', overrides: [inContext('user'), inContext('organisation')] },
      bucket: { rate: '8/min', strategy: 'token-bucket', overrides: true },
      watched: { rate: '5/min', strategy: 'fixed-window', mode: 'monitor', overrides: true },
      plain: '20/min',
    },
    plans: {
      of: (_call, subject = '') => plans.get(subject),
      default: 'free',
      tiers: {
        free: { bucket: '6/min' },
        pro: { bucket: '12/min', api: '15/min' },
        hourly: { bucket: '9/h', watched: '3/h' },
        enterprise: { bucket: 'unlimited', api: 'unlimited', watched: 'unlimited' },
      },
    },
  };
}

const user = fc.constantFrom('user:1', 'user:2');
const policy = fc.constantFrom('api', 'bucket', 'watched', 'plain');
const overridable = fc.constantFrom('api', 'bucket', 'watched');
const rate = fc.constantFrom('5/min', '30/min', '4/30s', '7/h', '3/10s');
const cost = fc.integer({ min: 0, max: 7 });
const on = (subject: string): CallOptions => ({ subject, context: { user: subject, organisation: 'organisation:1' } });

const consume = fc
  .tuple(fc.uniqueArray(fc.record({ policy, cost }), { minLength: 1, selector: (one) => one.policy }), user)
  .map(
    ([charges, who]): Operation =>
      async ({ throttle, outcomes }) => {
        const outcome = await throttle.consume(charges, on(who));
        outcomes.push(outcome);
        const { receipt, ...told } = outcome;
        const taken = receipt?.charges.map((one) => [one.policy.name, one.cost, one.rate]);
        return { ...told, taken };
      },
  );
const refund = fc.tuple(fc.nat(), cost).map(
  ([which, units]): Operation =>
    ({ throttle, outcomes }) => {
      const outcome = outcomes[which % Math.max(1, outcomes.length)];
      return outcome && throttle.refund(outcome, units);
    },
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { arbitrary: consume, weight: 6 },
  refund,
  fc.tuple(policy, user).map(
    ([name, who]): Operation =>
      ({ throttle }) =>
        throttle.stat(name, on(who)),
  ),
  fc.tuple(policy, cost, user).map(
    ([name, units, who]): Operation =>
      ({ throttle }) =>
        throttle.check(name, units, on(who)),
  ),
  fc.tuple(policy, user).map(
    ([name, who]): Operation =>
      ({ throttle }) =>
        throttle.reset(name, on(who)),
  ),
  fc
    .tuple(
      overridable,
      fc.oneof(user, fc.constant('organisation:1')),
      fc.oneof(rate, fc.constant('unlimited')),
      fc.boolean(),
    )
    .map(
      ([name, who, to, expires]): Operation =>
        ({ throttle }) =>
          throttle.overrides.set(name, who, String(to), expires ? { expiresInMs: 20_000 } : {}),
    ),
  fc.tuple(overridable, user).map(
    ([name, who]): Operation =>
      ({ throttle }) =>
        throttle.overrides.delete(name, who),
  ),
  fc.tuple(policy, rate).map(
    ([name, to]): Operation =>
      ({ throttle }) =>
        throttle.policies.update(name, { rate: to }),
  ),
  fc.tuple(policy, fc.constantFrom('on', 'off', 'monitor')).map(
    ([name, mode]): Operation =>
      ({ throttle }) =>
        throttle.policies.update(name, { mode }),
  ),
  policy.map(
    (name): Operation =>
      ({ throttle }) =>
        throttle.policies.reset(name),
  ),
  fc.tuple(user, fc.constantFrom('free', 'pro', 'hourly', 'enterprise', 'unknown')).map(
    ([who, plan]): Operation =>
      ({ plans }) =>
        void plans.set(who, plan),
  ),
  fc.constantFrom(1000, 5000, 17_000, 60_000).map(
    (ms): Operation =>
      ({ clock }) =>
        clock.advance(ms),
  ),
);

describe('plans, overrides and changes at run time, with calls and refunds between them', () => {
  const redis = ownRedis();

  async function start(backendOf: (clock: ManualClock) => Backend) {
    const [clock, plans] = [new ManualClock(START), new Map<string, string>()];
    const context = await startContext(optionsOf(backendOf(clock), plans));
    return { context, subject: { throttle: context.throttle, clock, plans, outcomes: [] } satisfies Subject };
  }

  it('are the same in memory and on Redis', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 20, maxLength: 60 }), async (operations) => {
        const memory = await start((clock) => new MemoryBackend({ clock }));
        const options = { timeoutMs: PATIENT_MS, denyMemoryMs: 0, prefix: freshPrefix() };
        const remote = await start((clock) => new RedisBackend(redis.client, { ...options, clock }));
        await using _memory = memory.context;
        await using _remote = remote.context;
        for (const run of operations) expect(await run(remote.subject)).toEqual(await run(memory.subject));
        expect(remote.context.throttle.violations).toEqual(memory.context.throttle.violations);
      }),
      { numRuns: scaled(20, 300) },
    );
  });
});
