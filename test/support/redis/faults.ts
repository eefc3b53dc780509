import { inspect } from 'node:util';
import type { Cluster, Redis } from 'ioredis';
import { BackendError } from '../../../src/backends/backend-error.js';
import type { BackendEvent } from '../../../src/backends/backend-events.js';
import type { RedisClient } from '../../../src/backends/redis/clients/redis-client.js';
import { RedisBackend } from '../../../src/backends/redis/redis.backend.js';
import { ResilientBackend } from '../../../src/backends/resilience/resilient.backend.js';
import type { Charge, Outcome } from '../../../src/core/decision.js';
import type { FailureMode, Policy } from '../../../src/core/policy.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { pause } from './redis.js';
import { freshPrefix } from './redis-shared.js';
import { stateUnder } from './state-decoder.js';

/** The deadline of calls during which Redis fails. Even a loaded machine meets it while Redis runs. */
export const TIMEOUT_MS = 1000;
/** The deadline of calls to which Redis always responds. It is never reached. */
export const PATIENT_MS = 30_000;
/**
 * An upper bound of the time by which a result may miss its deadline. `npm run test:faults` compares the same figure
 * with 10 ms.
 */
export const GRACE_MS = 3000;

/** A subject that no error may name. */
export const SECRET = 'secret.ada@example.org';

/** Returns a policy whose window does not end before the year 2046, so that charges stay in it. */
export function counter(name: string, limit = 1_000_000): Policy {
  return definePolicy(name, { rate: `${limit}/2000 weeks`, strategy: 'fixed-window' });
}

export const charge = (policy: Policy, subject = 'ada', cost = 1): Charge => ({ policy, subject, cost });

/** Returns the units in a `counter`, read by another client. */
export async function usedOf(client: Pick<Redis | Cluster, 'eval'>, prefix: string, policy: Policy, subject = 'ada') {
  return (await stateUnder(client, `${prefix}:{${subject}}:${policy.id}`))?.numbers.at(-1) ?? 0;
}

/**
 * Returns a backend with resilience, and its events: outages (`events`), and the first of consecutive failures
 * (`failed`).
 */
export function guarded(client: RedisClient, onError: FailureMode = 'local', timeoutMs = TIMEOUT_MS) {
  const prefix = freshPrefix();
  const events: BackendEvent[] = [];
  const backend = new ResilientBackend(new RedisBackend(client, { prefix, timeoutMs }), onError);
  const failed: BackendEvent[] = [];
  backend.listen((event) => {
    if (event.type === 'failed') failed.push(event);
    else events.push(event);
  });
  return { backend, prefix, events, failed };
}

/**
 * Returns the error of a backend without a fallback, and whether it came later than {@link GRACE_MS} after the
 * deadline.
 */
export async function failureOf(client: RedisClient, subject = SECRET, timeoutMs = TIMEOUT_MS) {
  const backend = new RedisBackend(client, { prefix: freshPrefix(), timeoutMs });
  const answer = backend.spend([charge(counter('failing'), subject)]);
  const isLate = !(await comesWithin(timeoutMs + GRACE_MS, answer));
  try {
    await answer;
  } catch (error) {
    if (error instanceof BackendError) return { error, code: error.code, isLate };
    throw error;
  } finally {
    await backend.close();
  }
  throw new Error('Redis answered');
}

/** Returns everything visible of an error: message, stack, properties, causes. */
export function textOf(error: unknown): string {
  return inspect(error, { showHidden: true, depth: 10 });
}

/** `onError` of the module, of the policies of a call, and the one that should apply. */
const MODES: readonly (readonly [FailureMode, readonly (FailureMode | undefined)[], FailureMode])[] = [
  ['local', [undefined], 'local'],
  ['allow', [undefined], 'allow'],
  ['deny', [undefined], 'deny'],
  ['allow', ['deny'], 'deny'],
  ['deny', ['allow'], 'allow'],
  ['deny', ['local'], 'local'],
  ['allow', ['allow', 'local'], 'local'],
  ['local', ['allow', 'deny', undefined], 'deny'],
];

/** Returns true if a result comes before a timer that starts with it. A busy machine delays both. */
export async function comesWithin(ms: number, answer: unknown): Promise<boolean> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
  }, ms);
  await Promise.allSettled([answer]);
  clearTimeout(timer);
  return !isLate;
}

/**
 * Returns the results of calls in all modes while Redis is unavailable, the expected ones, and how many took longer
 * than `withinMs`.
 */
export async function answersOf(client: RedisClient, timeoutMs = TIMEOUT_MS, withinMs = timeoutMs + GRACE_MS) {
  const answers = await Promise.all(
    MODES.map(async ([onError, modes]) => {
      const { backend } = guarded(client, onError, timeoutMs);
      const charges = modes.map((mode, i) =>
        charge({ ...counter(`p${i}`, 1), ...(mode !== undefined && { onError: mode }) }, SECRET),
      );
      const answer = backend.spend(charges);
      const isLate = !(await comesWithin(withinMs, answer));
      const outcome = await answer;
      await backend.close();
      return { told: told(onError, modes, outcome), isLate };
    }),
  );
  return {
    answers: answers.map(({ told }) => told),
    expected: MODES.map(([onError, modes, answering]) =>
      told(onError, modes, { allowed: answering !== 'deny', degraded: answering }),
    ),
    late: answers.filter(({ isLate }) => isLate).length,
  };
}

function told(
  onError: FailureMode,
  modes: readonly (FailureMode | undefined)[],
  { allowed, degraded }: Pick<Outcome, 'allowed' | 'degraded'>,
) {
  return `${onError}, ${modes.join(' + ') || '-'}: ${allowed ? 'allowed' : 'denied'} by ${degraded}`;
}

/** Calls `ask` every few milliseconds until `isSo` is true for its result. Throws after `giveUpMs`. */
export async function askUntil<T>(ask: () => Promise<T> | T, isSo: (answer: T) => boolean, giveUpMs = 60_000) {
  const giveUpAt = performance.now() + giveUpMs;
  while (!isSo(await ask())) {
    if (performance.now() > giveUpAt) throw new Error(`Not so after ${giveUpMs} ms: ${isSo}`);
    await pause(10);
  }
}

/** Calls `ask` every few milliseconds until a number of probes of an open circuit breaker have failed. */
export async function probesFail(count: number, backend: { readonly retryAfterMs: number }, ask: () => unknown) {
  await askUntil(ask, () => backend.retryAfterMs > 0);
  let [failed, before] = [0, backend.retryAfterMs];
  await askUntil(ask, () => {
    const now = backend.retryAfterMs;
    // It decreases with time, and rises to a second when a probe has failed.
    if (now > before) failed += 1;
    before = now;
    return failed >= count;
  });
}
