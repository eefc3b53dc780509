import { type Observable, Subject } from 'rxjs';
import type { BackendEvent, DegradedDomains } from '../../backends/backend-events.js';
import type { PolicyChange } from '../../backends/settings-store.js';
import { type Charge, type Decision, type Outcome, withMembers } from '../../core/decision.js';
import { type FailureMode, failureModeOf, type OnError } from '../../core/policy.js';
import type { PlanEvent } from '../../planning/plans/plan-lookup.js';
import type { ChargedOutcome } from './charges/prepared-charges.js';
import { EventStream } from './event-stream.js';
import type { RuntimeSettings } from './runtime-settings.js';

/**
 * A charge of a policy in the mode `monitor` that would have denied its call, and the decision on it.
 *
 * @example
 * throttle.events$.subscribe((event) => {
 *   if (event.type === 'violation') for (const { charge, decision } of event.violations) log(decision.policy, charge.subject);
 * });
 */
export interface Violation {
  /** The policy, the subject and the cost. */
  readonly charge: Charge;
  /** The decision of the policy: `allowed` is false. */
  readonly decision: Decision;
}

/** An event of the service. It contains subjects in clear text; consider that before you log it. */
export type ThrottleEvent =
  | {
      readonly type: 'denied';
      readonly outcome: Outcome;
      /** The charges of the call, in the order of the outcome's decisions. */
      readonly charges: readonly Charge[];
      /** `ReportsController.list`, if a handler is known. */
      readonly handler?: string;
    }
  | {
      readonly type: 'violation';
      /** The violations of all monitored policies that would have denied the call, in one event per call. */
      readonly violations: readonly Violation[];
      readonly outcome: Outcome;
      /** `ReportsController.list`, if a handler is known. */
      readonly handler?: string;
    }
  | {
      readonly type: 'policy-changed';
      /** The policy's name. */
      readonly policy: string;
      /** The change in force in this process from now on. Missing if the policy is again as configured in the code. */
      readonly change?: PolicyChange;
    }
  | {
      /**
       * A subject has reached a threshold of a quota. Emitted once per window; may be missing after a lost reply or an
       * outage.
       */
      readonly type: 'threshold';
      /** The policy's name. */
      readonly policy: string;
      readonly subject: string;
      /** The share of the limit, one of the policy's `thresholds`. */
      readonly threshold: number;
      /** The decision on the charge that reached it. Its `window` has the usage and the end of the window. */
      readonly decision: Decision;
      /** `ReportsController.list`, if a handler is known. */
      readonly handler?: string;
    }
  | {
      /**
       * A policy has begun to block a subject. Emitted once per block; may be missing after a lost reply or an outage.
       */
      readonly type: 'blocked';
      /** The policy's name. */
      readonly policy: string;
      readonly subject: string;
      /** The length of the block, in milliseconds. */
      readonly forMs: number;
      /** The number of blocks that the policy has begun for the subject and not forgotten, including this one. */
      readonly strikes: number;
      /** The denial that began the block. In the mode `monitor` it has that mode and denies nothing. */
      readonly decision: Decision;
      /** `ReportsController.list`, if a handler is known. */
      readonly handler?: string;
    }
  | PlanEvent
  | BackendEvent;

/** An event that belongs to a call. */
type CallEvent = Extract<ThrottleEvent, { readonly type: 'denied' | 'violation' | 'threshold' | 'blocked' }>;

/**
 * The events of an application: denied calls, violations, changes to policies, and events of its plans and its backend.
 * Subscribers run in a separate microtask, so that their exceptions and changes do not affect the call of an event.
 */
export class ThrottleEvents {
  readonly #subject = new Subject<ThrottleEvent>();
  readonly stream: Observable<ThrottleEvent>;
  /** Events that have not been emitted yet. */
  #pending: ThrottleEvent[] = [];
  /** The number of calls that each policy would have denied while it was monitored, by policy name. */
  readonly violations: ReadonlyMap<string, number>;
  readonly #violations = new Map<string, number>();
  /** The number of losses since the last outage was over, by kind. */
  readonly #lost = new Map<Loss, number>();
  /** The codes of failures that were logged since the backend last recovered. */
  readonly #logged = new Set<string>();

  constructor({ backend, warn, fail, onError }: RuntimeSettings) {
    this.stream = new EventStream(this.#subject, fail);
    this.violations = this.#violations;
    backend.listen?.((event) => {
      const message = this.#isLogged(event) ? undefined : (this.#lossMessage(event) ?? outageMessage(event, onError));
      if (message !== undefined) warn(message);
      this.#tell(event);
    });
  }

  /** Returns true for a failure that has been logged already; otherwise records that it is logged. */
  #isLogged(event: BackendEvent): boolean {
    if (event.type === 'recovered') this.#logged.clear();
    if (event.type !== 'failed' || (event.transient && !event.atStartup)) return false;
    if (this.#logged.has(event.code)) return true;
    this.#logged.add(event.code);
    return false;
  }

  denied({ outcome, charges }: ChargedOutcome, handler: string | undefined): void {
    if (!this.#subject.observed) return;
    this.#tellOf(handler, { type: 'denied', outcome, charges });
  }

  /** Emits an event that belongs to no call. */
  emit(event: PlanEvent): void {
    this.#tell(event);
  }

  /** Counts the violations of a call, and emits them. */
  violated(violations: readonly Violation[], outcome: Outcome, handler: string | undefined): void {
    for (const { decision } of violations) {
      this.#violations.set(decision.policy, (this.#violations.get(decision.policy) ?? 0) + 1);
    }
    if (!this.#subject.observed) return;
    this.#tellOf(handler, { type: 'violation', violations, outcome });
  }

  policyChanged(policy: string, change: PolicyChange | undefined): void {
    this.#tell({ type: 'policy-changed', policy, ...(change !== undefined && { change }) });
  }

  /** Emits the thresholds that the charges of a call have reached. Decisions without a charge follow the others. */
  thresholds({ outcome, charges }: Pick<ChargedOutcome, 'outcome' | 'charges'>, handler: string | undefined): void {
    if (!this.#subject.observed) return;
    const { decisions, receipt } = outcome;
    for (const [i, decision] of decisions.entries()) {
      const subject = charges[i]?.subject;
      if (decision.reached === undefined || subject === undefined || (receipt?.charges[i]?.cost ?? 0) === 0) continue;
      const { policy } = decision;
      for (const threshold of decision.reached) {
        this.#tellOf(handler, { type: 'threshold', policy, subject, threshold, decision });
      }
    }
  }

  /** Emits the blocks that a call has begun. */
  blocked({ outcome, charges }: Pick<ChargedOutcome, 'outcome' | 'charges'>, handler: string | undefined): void {
    if (!this.#subject.observed) return;
    for (const [i, decision] of outcome.decisions.entries()) {
      const subject = charges[i]?.subject;
      const { policy, startedBlock } = decision;
      if (startedBlock === undefined || subject === undefined || isEmittedBefore(outcome, charges, i)) continue;
      this.#tellOf(handler, { type: 'blocked', policy, subject, ...startedBlock, decision });
    }
  }

  /** Returns the log message for the first loss of an outage, and for their number at its end. */
  #lossMessage(event: BackendEvent): string | undefined {
    if (event.type === 'lost' && event.what !== 'lease') {
      const isFirst = this.#lost.size === 0;
      this.#lost.set(event.what, (this.#lost.get(event.what) ?? 0) + 1);
      if (!isFirst) return undefined;
      const loss = event.what === 'hold' ? 'The end of a hold' : `A ${event.what}`;
      return `${loss} was lost, because the backend is unavailable (${event.code}): ${AFTER_LOSS[event.what]}. Further losses are counted.`;
    }
    if (event.type !== 'recovered' || this.#lost.size === 0) return undefined;
    const lost = [...this.#lost].map(([what, count]) => countOf(what, count));
    this.#lost.clear();
    return `${outageMessage(event, 'local')} Lost meanwhile: ${lost.join(', ')}.`;
  }

  complete(): void {
    this.#flush();
    this.#subject.complete();
  }

  /** Emits an event of a call, with its handler if that is known. */
  #tellOf(handler: string | undefined, event: CallEvent): void {
    this.#tell(handler === undefined ? event : withMembers(event, { handler }));
  }

  #tell(event: ThrottleEvent): void {
    if (!this.#subject.observed) return;
    this.#pending.push(event);
    if (this.#pending.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const events = this.#pending;
    this.#pending = [];
    for (const event of events) this.#subject.next(event);
  }
}

/** Returns true if the same block was emitted for an earlier charge of the call, on the same budget. */
function isEmittedBefore({ decisions }: Outcome, charges: readonly Charge[], index: number): boolean {
  const { policy, subject } = charges[index] ?? {};
  return charges
    .slice(0, index)
    .some(
      (one, i) => one.subject === subject && one.policy.id === policy?.id && decisions[i]?.startedBlock !== undefined,
    );
}

const NO_VIOLATIONS: readonly Violation[] = [];

/**
 * Returns the violations of monitored policies in a call.
 *
 * @param reported violations of an earlier phase of the call; their policies are omitted
 */
export function violationsIn(
  { outcome: { decisions }, charges }: ChargedOutcome,
  reported: readonly Violation[] = NO_VIOLATIONS,
): readonly Violation[] {
  // Most calls return here.
  if (!decisions.some(isViolation)) return NO_VIOLATIONS;
  return decisions.flatMap((decision, i): readonly Violation[] => {
    const charge = charges[i];
    if (charge === undefined || !isViolation(decision)) return NO_VIOLATIONS;
    return reported.some((one) => one.decision.policy === decision.policy) ? NO_VIOLATIONS : [{ charge, decision }];
  });
}

function isViolation({ mode, allowed }: Decision): boolean {
  return mode !== undefined && !allowed;
}

/** The kinds of changes that can be lost because the backend is unavailable. */
type Loss = Exclude<Extract<BackendEvent, { type: 'lost' }>['what'], 'lease'>;

function countOf(what: Loss, count: number): string {
  if (what === 'hold') return count === 1 ? '1 end of a hold' : `${count} ends of holds`;
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** The effect of a loss at the backend. */
const AFTER_LOSS: Readonly<Record<Loss, string>> = {
  refund: 'its units stay charged there',
  credit: 'its units are not given back there',
  debit: 'its units are not charged there',
  reset: 'its budget stays as it is there',
  hold: 'it stays open there until it expires',
};

/** The effect of `onError` on calls that the backend cannot decide. */
const DECIDED_BY: Readonly<Record<FailureMode, string>> = {
  local: 'are limited in this process',
  allow: 'pass uncharged',
  deny: 'are rejected with 503',
};

/**
 * Returns the log message for a failure at startup, a configuration fault, the start and end of an outage, and lost
 * leases.
 */
function outageMessage(event: BackendEvent, onError: OnError): string | undefined {
  if (event.type === 'failed' && (event.atStartup || !event.transient)) {
    // Other calls may go on: a user of Redis may lack the permission for some commands only.
    const calls = event.atStartup ? 'calls' : 'calls that fail with this error';
    return `${sentenceOf(event.message)} ${untilRecovery(calls, onError)}`;
  }
  if (event.type === 'lost' && event.what === 'lease') {
    return `${event.units} leased units were not given back (${event.code}), and count as used until their windows end. Close the Redis client in onApplicationShutdown, not earlier.`;
  }
  if (event.type === 'recovered') return `${partOf(event)} is available again, and decides calls again.`;
  if (event.type !== 'degraded') return undefined;
  return `${partOf(event)} is unavailable (${event.code}): ${sentenceOf(event.message)} ${untilRecovery('calls', onError)}`;
}

function sentenceOf(message: string): string {
  return `${message.replace(/\.$/, '')}.`;
}

/** Says what happens to calls that the backend cannot decide, under the `onError` of the module. */
function untilRecovery(calls: string, onError: OnError): string {
  const mode = failureModeOf(onError);
  return `Until it recovers, ${calls} ${DECIDED_BY[mode]} (onError: "${mode}"), unless a policy says otherwise.`;
}

/** Returns the part of the backend that is unavailable, and the number of other such parts. */
function partOf({ domain, unavailable = [], of }: Partial<DegradedDomains>): string {
  if (domain === undefined) return 'The backend';
  return `The backend at ${domain} (${unavailable.length} of ${of} unavailable)`;
}
