import { type Observable, Subject } from 'rxjs';
import type { BackendEvent, DegradedDomains } from '../../backends/backend-events.js';
import type { PolicyChange } from '../../backends/settings-store.js';
import type { Charge, Decision, Outcome } from '../../core/decision.js';
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
  /** What the policy would have said: `allowed` is false. */
  readonly decision: Decision;
}

/** An event of the service. It contains subjects in clear text: consider that before you log it. */
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
      /** Those of all monitored policies that would have denied the call. One event a call has them all. */
      readonly violations: readonly Violation[];
      readonly outcome: Outcome;
      /** `ReportsController.list`, if a handler is known. */
      readonly handler?: string;
    }
  | {
      readonly type: 'policy-changed';
      /** The policy's name. */
      readonly policy: string;
      /** What is changed of it, in this process from now on. Missing: it is as in the code again. */
      readonly change?: PolicyChange;
    }
  | {
      /** A subject has reached a threshold of a quota. Once a window: a lost reply, or an outage, may lose it. */
      readonly type: 'threshold';
      /** The policy's name. */
      readonly policy: string;
      readonly subject: string;
      /** The share of the limit, one of the policy's `thresholds`. */
      readonly threshold: number;
      /** The decision on the charge that reached it; its `window` has what is used, and when the window ends. */
      readonly decision: Decision;
      /** `ReportsController.list`, if a handler is known. */
      readonly handler?: string;
    }
  | {
      /** A policy has begun to block a subject. Once a block: a lost reply, or an outage, may lose it. */
      readonly type: 'blocked';
      /** The policy's name. */
      readonly policy: string;
      readonly subject: string;
      /** How long the block is, in milliseconds. */
      readonly forMs: number;
      /** How many blocks of the subject the policy has begun that are not forgotten, this one among them. */
      readonly strikes: number;
      /** The denial that began it; in the mode `monitor` it denies nothing, and has that mode. */
      readonly decision: Decision;
      /** `ReportsController.list`, if a handler is known. */
      readonly handler?: string;
    }
  | PlanEvent
  | BackendEvent;

/**
 * The events of an application: its denied calls, violations, changes to policies, and those of its plans and its backend. Subscribers
 * are told in a microtask of their own, not within the call that an event is of: neither what they throw nor what they change counts there.
 */
export class ThrottleEvents {
  readonly #subject = new Subject<ThrottleEvent>();
  readonly stream: Observable<ThrottleEvent>;
  /** Those that subscribers are still to be told. */
  #pending: ThrottleEvent[] = [];
  /** Calls that each policy would have denied while it was monitored, by its name. */
  readonly violations: ReadonlyMap<string, number>;
  readonly #violations = new Map<string, number>();
  /** What was lost since the last outage was over. */
  readonly #lost = new Map<Loss, number>();
  /** The codes of failures that the log has told of since the backend last recovered. */
  readonly #told = new Set<string>();

  constructor({ backend, warn, fail, onError }: RuntimeSettings) {
    this.stream = new EventStream(this.#subject, fail);
    this.violations = this.#violations;
    backend.listen?.((event) => {
      const message = this.#isTold(event) ? undefined : (this.#lossMessage(event) ?? outageMessage(event, onError));
      if (message !== undefined) warn(message);
      this.#tell(event);
    });
  }

  /** Returns true for a failure that the log tells of already, and notes that it does. */
  #isTold(event: BackendEvent): boolean {
    if (event.type === 'recovered') this.#told.clear();
    if (event.type !== 'failed' || (event.transient && !event.atStartup)) return false;
    if (this.#told.has(event.code)) return true;
    this.#told.add(event.code);
    return false;
  }

  denied({ outcome, charges }: ChargedOutcome, handler: string | undefined): void {
    if (!this.#subject.observed) return;
    this.#tell({ type: 'denied', outcome, charges, ...(handler !== undefined && { handler }) });
  }

  /** Passes an event on that says nothing of a call. */
  emit(event: PlanEvent): void {
    this.#tell(event);
  }

  /** Counts the violations of a call, and emits them. */
  violated(violations: readonly Violation[], outcome: Outcome, handler: string | undefined): void {
    for (const { decision } of violations) {
      this.#violations.set(decision.policy, (this.#violations.get(decision.policy) ?? 0) + 1);
    }
    if (!this.#subject.observed) return;
    this.#tell({ type: 'violation', violations, outcome, ...(handler !== undefined && { handler }) });
  }

  policyChanged(policy: string, change: PolicyChange | undefined): void {
    this.#tell({ type: 'policy-changed', policy, ...(change !== undefined && { change }) });
  }

  /** Tells the thresholds that the charges of a call have reached. Decisions on charges that were not taken follow the others. */
  thresholds({ outcome, charges }: Pick<ChargedOutcome, 'outcome' | 'charges'>, handler: string | undefined): void {
    if (!this.#subject.observed) return;
    const { decisions, receipt } = outcome;
    for (const [i, decision] of decisions.entries()) {
      const subject = charges[i]?.subject;
      if (decision.reached === undefined || subject === undefined || (receipt?.charges[i]?.cost ?? 0) === 0) continue;
      const { policy } = decision;
      for (const threshold of decision.reached) {
        const event = { type: 'threshold', policy, subject, threshold, decision } as const;
        this.#tell(handler === undefined ? event : { ...event, handler });
      }
    }
  }

  /** Tells the blocks that a call has begun. */
  blocked({ outcome, charges }: Pick<ChargedOutcome, 'outcome' | 'charges'>, handler: string | undefined): void {
    if (!this.#subject.observed) return;
    for (const [i, decision] of outcome.decisions.entries()) {
      const subject = charges[i]?.subject;
      const { policy, startedBlock } = decision;
      if (startedBlock === undefined || subject === undefined || isToldBefore(outcome, charges, i)) continue;
      const event = { type: 'blocked', policy, subject, ...startedBlock, decision } as const;
      this.#tell(handler === undefined ? event : { ...event, handler });
    }
  }

  /** Logs the first loss of an outage, and at its end how many there were. */
  #lossMessage(event: BackendEvent): string | undefined {
    if (event.type === 'lost' && event.what !== 'lease') {
      const isFirst = this.#lost.size === 0;
      this.#lost.set(event.what, (this.#lost.get(event.what) ?? 0) + 1);
      if (!isFirst) return undefined;
      const loss = event.what === 'hold' ? 'The end of a hold' : `A ${event.what}`;
      return `${loss} was lost, because the backend does not answer (${event.code}): ${AFTER_LOSS[event.what]}. Further losses are counted.`;
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

/** Returns true if an earlier charge of the call, on the same budget, has begun the same block. */
function isToldBefore({ decisions }: Outcome, charges: readonly Charge[], index: number): boolean {
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
 * @param reported those of an earlier phase of the call, whose policies are left out
 */
export function violationsIn(
  { outcome: { decisions }, charges }: ChargedOutcome,
  reported: readonly Violation[] = NO_VIOLATIONS,
): readonly Violation[] {
  // Every call comes here, and most calls leave here.
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

/** What can be lost because the backend is unavailable. */
type Loss = Exclude<Extract<BackendEvent, { type: 'lost' }>['what'], 'lease'>;

function countOf(what: Loss, count: number): string {
  if (what === 'hold') return count === 1 ? '1 end of a hold' : `${count} ends of holds`;
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** What it means at the backend. */
const AFTER_LOSS: Readonly<Record<Loss, string>> = {
  refund: 'its units stay charged there',
  credit: 'its units are not given back there',
  debit: 'its units are not charged there',
  reset: 'its budget stays as it is there',
  hold: 'it stays open there until it expires',
};

/** What `onError` does meanwhile. */
const MEANWHILE: Readonly<Record<FailureMode, string>> = {
  local: 'limits are counted in this process',
  allow: 'calls pass uncharged',
  deny: 'calls are answered 503',
};

/** The log message of a failure at startup, a fault of the configuration, an outage's start and end, and of leases that are lost. */
function outageMessage(event: BackendEvent, onError: OnError): string | undefined {
  if (event.type === 'failed' && (event.atStartup || !event.transient)) {
    const cause = event.message.replace(/\.$/, '');
    const mode = failureModeOf(onError);
    return `${cause}. Until that is over, ${MEANWHILE[mode]} (onError: "${mode}"), unless a policy says otherwise.`;
  }
  if (event.type === 'lost' && event.what === 'lease') {
    return `${event.units} leased units were not given back (${event.code}), and count as used until their windows end. Close the Redis client in onApplicationShutdown, not earlier.`;
  }
  if (event.type === 'recovered') return `${partOf(event)} answers again, and decides again.`;
  if (event.type !== 'degraded') return undefined;
  return `${partOf(event)} does not answer (${event.code}). Until it does, each policy's onError decides.`;
}

/** The part of the backend that an outage is of, and how many others there are. */
function partOf({ domain, unavailable = [], of }: Partial<DegradedDomains>): string {
  if (domain === undefined) return 'The backend';
  return `The backend at ${domain} (${unavailable.length} of ${of} unavailable)`;
}
