import type { Backend } from '../../../backends/backend.js';
import { chain } from '../../../core/awaitable.js';
import type { Charge, Decision, Outcome } from '../../../core/decision.js';
import type { StoredRate } from '../../../core/policy.js';

/**
 * Wraps a backend so that its results can be compared: plain objects of this realm with the members that the contract
 * defines. A backend may return instances of classes, with further members, or from another realm.
 */
export function withPlainAnswers(backend: Backend): Backend {
  const decide = (verb: 'spend' | 'peek') => (charges: readonly Charge[]) =>
    chain(backend[verb](charges), plainOutcome);
  const answers = { spend: decide('spend'), peek: decide('peek') };
  return new Proxy(backend, {
    get(target, member) {
      if (member === 'spend' || member === 'peek') return answers[member];
      const value: unknown = Reflect.get(target, member, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function plainOutcome({ allowed, decisions, binding, receipt }: Outcome): Outcome {
  return {
    allowed,
    decisions: Array.from(decisions, plainDecision),
    binding: binding === null ? null : plainDecision(binding),
    ...(receipt !== undefined && { receipt }),
  };
}

function plainDecision(decision: Decision): Decision {
  const { policy, allowed, limit, remaining, resetMs, retryAfterMs, delayMs, windowMs } = decision;
  const { mode, rate, unlimited, approximate } = decision;
  const { window, reached, reason, startedBlock } = decision;
  return {
    policy,
    allowed,
    limit,
    remaining,
    resetMs,
    retryAfterMs,
    delayMs,
    windowMs,
    ...(reason !== undefined && { reason }),
    ...(startedBlock !== undefined && {
      startedBlock: { forMs: startedBlock.forMs, strikes: startedBlock.strikes },
    }),
    ...(window !== undefined && {
      window: { startMs: window.startMs, endMs: window.endMs, used: window.used },
    }),
    ...(reached !== undefined && { reached: Array.from(reached) }),
    ...(mode !== undefined && { mode }),
    ...(rate !== undefined && { rate: plainRate(rate) }),
    ...(unlimited !== undefined && { unlimited }),
    ...(approximate !== undefined && { approximate }),
  };
}

function plainRate({ strategy, limit, periodMs, burst, segments }: StoredRate): StoredRate {
  return { strategy, limit, periodMs, burst, segments };
}
