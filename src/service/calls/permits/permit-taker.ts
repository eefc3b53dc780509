import type { HoldRequest, HoldStore } from '../../../backends/hold-store.js';
import { UnitReturns } from '../../../backends/unit-returns.js';
import { type Awaitable, chain, chainAll } from '../../../core/awaitable.js';
import { bindingOf, type Charge, type Decision, isMonitored, type Outcome } from '../../../core/decision.js';
import { ThrottleConfigError } from '../../../core/errors.js';
import { mapKey } from '../../../core/key.js';
import type { QueueOptions } from '../../../decorators/concurrency-options.js';
import type { Responder } from '../../../transports/responder.js';
import { type ChargedOutcome, limitAt, type PreparedCharges } from '../charges/prepared-charges.js';
import type { RuntimeSettings } from '../runtime-settings.js';
import { nextHoldId } from './call-permits.js';
import type { OpenPermits } from './open-permits.js';
import { PermitQueue, type QueueResult } from './permit-queue.js';

/**
 * The wait that a denial by concurrency reports. It is unknown when other calls end and free their permits; the backend
 * only knows when permits would expire if their process had crashed.
 */
const RETRY_AFTER_MS = 1000;

/** A charge of a concurrency limit, and its hold in the backend. */
interface Permit {
  readonly request: HoldRequest;
  readonly isMonitored: boolean;
  readonly queue: QueueOptions | undefined;
}

/** A call that takes permits, together with its charges. */
interface TakingCall {
  readonly charges: readonly Charge[];
  readonly permits: readonly Permit[];
  readonly enforced: readonly HoldRequest[];
}

/** Called with the permits that a call has taken, to hold them until it has ended. */
export type KeepPermits = (permits: readonly HoldRequest[]) => void;

/** Takes the permits and charges of calls together, all or none. Calls may queue for permits. */
export class PermitTaker {
  /** By policy and subject. */
  readonly #queues = new Map<string, PermitQueue>();
  readonly #returns: UnitReturns;
  #isClosing = false;

  constructor(
    private readonly settings: Pick<RuntimeSettings, 'backend' | 'clock'>,
    private readonly open: OpenPermits,
  ) {
    this.#returns = new UnitReturns(settings.backend);
  }

  /**
   * Takes the charges of a call and the permits that it needs.
   *
   * @param keep called with the permits that were taken
   * @param responder reports when the client has gone; undefined if the call does not queue
   */
  take(
    prepared: PreparedCharges,
    keep: KeepPermits,
    responder: Pick<Responder<unknown>, 'onClientGone'> | undefined,
  ): Awaitable<ChargedOutcome> {
    const call = takingCall(prepared);
    const taken: HoldRequest[] = [];
    const result =
      responder === undefined ? resultOf(this.#attempt(call, taken)) : this.#takeInTurn(call, taken, responder);
    return chain(result, ({ outcome, interrupted }) => {
      if (taken.length > 0) keep(taken);
      const { charges, limits } = prepared;
      return { outcome, charges, limits, ...(interrupted !== undefined && { interrupted }) };
    });
  }

  /** Returns the outcome that `take` would have for a call that does not queue. Writes nothing. */
  peek(charges: readonly Charge[]): Awaitable<Outcome> {
    const isHeld = ({ policy }: Charge) => policy.held !== undefined;
    const permits = charges.filter(isHeld).map((charge) => ({ ...requestOf(charge, 1), charge }));
    const others = charges.filter((charge) => !isHeld(charge));
    const enforced = permits.filter(({ charge }) => !isMonitored(charge));
    return chain(this.#holds.peek(enforced, others), (outcome) => {
      if (outcome.decisions.length === 0) return outcome;
      return chain(
        chainAll(permits, (permit) =>
          isMonitored(permit.charge) ? this.#peekMonitored(permit) : outcome.decisions[enforced.indexOf(permit)],
        ),
        (ofPermits) => {
          const ofHeld = ofPermits.values();
          const ofOthers = outcome.decisions.slice(enforced.length).values();
          const decisions = charges.flatMap(
            (charge) => (isHeld(charge) ? withWait(ofHeld.next().value) : ofOthers.next().value) ?? [],
          );
          return { ...outcome, decisions, binding: bindingOf(decisions) };
        },
      );
    });
  }

  /** The number of calls that wait for permits. */
  get queued(): number {
    let queued = 0;
    for (const { size } of this.#queues.values()) queued += size;
    return queued;
  }

  /** Lets the calls that wait for these permits try again. */
  noteFreed(permits: readonly HoldRequest[]): void {
    if (this.#queues.size === 0) return;
    for (const key of new Set(permits.map(keyOf))) this.#queues.get(key)?.tryFirst();
  }

  /** Interrupts all waiting calls, now and later. */
  close(): void {
    this.#isClosing = true;
    for (const queue of [...this.#queues.values()]) queue.close();
  }

  get #holds(): HoldStore {
    const { holds } = this.settings.backend;
    if (holds !== undefined) return holds;
    throw new ThrottleConfigError(
      'SLUICE_UNSUPPORTED_BACKEND',
      'A limit of concurrency needs a backend with `holds`. Use another backend.',
    );
  }

  #takeInTurn(
    call: TakingCall,
    taken: HoldRequest[],
    responder: Pick<Responder<unknown>, 'onClientGone'>,
  ): Awaitable<QueueResult> {
    const busy = call.permits.find(({ request, queue }) => queue !== undefined && this.#queues.has(keyOf(request)));
    // A later call must not overtake those that wait.
    const first = busy === undefined ? this.#attempt(call, taken) : this.#peekBehind(busy, call);
    return chain(first, (outcome) => {
      if (outcome.allowed) return { outcome };
      // A peeked denial does not count towards a block, but this one must.
      if (!mayWait(call, outcome)) return busy === undefined ? { outcome } : this.#deny(call, taken, outcome);
      const permit = busy ?? call.permits.find((one, i) => one.queue !== undefined && isDenied(outcome, call, i));
      return permit?.queue === undefined
        ? { outcome }
        : this.#enqueue(call, taken, permit, permit.queue, outcome, responder);
    });
  }

  #deny(call: TakingCall, taken: HoldRequest[], peeked: Outcome): Awaitable<QueueResult> {
    const isBlocking = call.charges.some(({ policy }) => policy.block !== undefined);
    return isBlocking ? resultOf(this.#attempt(call, taken)) : { outcome: peeked };
  }

  #enqueue(
    call: TakingCall,
    taken: HoldRequest[],
    { request }: Permit,
    { max, waitMs }: QueueOptions,
    outcome: Outcome,
    responder: Pick<Responder<unknown>, 'onClientGone'>,
  ): Awaitable<QueueResult> {
    if (this.#isClosing) return { outcome, interrupted: 'closing' };
    const key = keyOf(request);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new PermitQueue(this.settings.clock, () => this.#queues.delete(key));
      this.#queues.set(key, queue);
    }
    if (queue.size >= max) return { outcome };
    return queue.wait(
      {
        attempt: () => this.#attempt(call, taken),
        mayWait: (found) => mayWait(call, found),
        giveBack: ({ receipt }) => {
          this.open.end(taken.splice(0));
          if (receipt !== undefined) void this.#returns.start(receipt);
        },
        onClientGone: (listener) => responder.onClientGone(listener),
      },
      outcome,
      waitMs,
    );
  }

  /** Returns the decision on a call that must wait behind others: denied, even if a permit for one of them is free. */
  #peekBehind({ request }: Permit, call: TakingCall): Awaitable<Outcome> {
    return chain(this.#holds.peek(call.enforced, call.charges), (peeked) => {
      const outcome = inOrder(peeked, call, []);
      if (!outcome.allowed || outcome.degraded !== undefined) return outcome;
      const at = call.charges.length + call.permits.findIndex((permit) => permit.request === request);
      const decisions = outcome.decisions.map((decision, i) =>
        i === at
          ? { ...decision, allowed: false, retryAfterMs: RETRY_AFTER_MS, reason: 'concurrency' as const }
          : decision,
      );
      return { ...outcome, allowed: false, decisions, binding: bindingOf(decisions) };
    });
  }

  /** Takes all or nothing. Adds the permits to `taken`. */
  #attempt(call: TakingCall, taken: HoldRequest[]): Awaitable<Outcome> {
    return chain(this.#holds.take(call.enforced, call.charges), (found) => {
      // Nothing is held if the failure mode decided.
      const isHeld = found.allowed && (found.degraded === undefined || found.degraded === 'local');
      if (isHeld) taken.push(...call.enforced.filter(({ units }) => units > 0));
      const monitored = call.permits.filter((permit) => permit.isMonitored);
      if (monitored.length === 0 || found.decisions.length === 0) return inOrder(found, call, []);
      return chain(
        chainAll(monitored, ({ request }) =>
          isHeld ? this.#takeMonitored(request, taken) : this.#peekMonitored(request),
        ),
        (decisions) => inOrder(found, call, decisions),
      );
    });
  }

  /** Decides a monitored permit separately, and takes it if it is free. */
  #takeMonitored(request: HoldRequest, taken: HoldRequest[]): Awaitable<Decision | undefined> {
    return chain(this.#holds.take([request], []), ({ allowed, degraded, decisions }) => {
      if (allowed && (degraded === undefined || degraded === 'local')) taken.push(request);
      return asMonitored(decisions[0]);
    });
  }

  #peekMonitored(request: HoldRequest): Awaitable<Decision | undefined> {
    return chain(this.#holds.peek([request], []), ({ decisions }) => asMonitored(decisions[0]));
  }
}

function takingCall(prepared: PreparedCharges): TakingCall {
  const { charges, heldFrom = charges.length } = prepared;
  const permits = charges.slice(heldFrom).map((charge, i): Permit => {
    const rules = limitAt(prepared, heldFrom + i)?.concurrency;
    return { request: requestOf(charge, rules?.ttlMs ?? 1), isMonitored: isMonitored(charge), queue: rules?.queue };
  });
  const enforced = permits.filter((permit) => !permit.isMonitored).map(({ request }) => request);
  return { charges: charges.slice(0, heldFrom), permits, enforced };
}

function requestOf({ policy, subject, cost }: Charge, ttlMs: number): HoldRequest {
  return { policy, subject, id: nextHoldId(), units: cost, ttlMs };
}

/** Puts the decisions on permits after those on charges, which the receipt refers to, and sets the wait to report. */
function inOrder(
  outcome: Outcome,
  { permits, enforced }: TakingCall,
  monitored: readonly (Decision | undefined)[],
): Outcome {
  if (outcome.decisions.length === 0) return outcome;
  const ofEnforced = outcome.decisions.slice(0, enforced.length).values();
  const ofMonitored = monitored.values();
  const ofPermits = permits.flatMap(
    (permit) => withWait((permit.isMonitored ? ofMonitored : ofEnforced).next().value) ?? [],
  );
  const decisions = [...outcome.decisions.slice(enforced.length), ...ofPermits];
  return { ...outcome, decisions, binding: bindingOf(decisions) };
}

function withWait(decision: Decision | undefined): Decision | undefined {
  if (decision === undefined || decision.allowed) return decision;
  const { retryAfterMs } = decision;
  const waitMs = retryAfterMs === null ? null : Math.min(retryAfterMs, RETRY_AFTER_MS);
  return { ...decision, retryAfterMs: waitMs, reason: 'concurrency' };
}

function asMonitored(decision: Decision | undefined): Decision | undefined {
  return decision && { ...decision, mode: 'monitor' };
}

/** Returns true if a call is denied only for lack of permits, and may queue for all of them. */
function mayWait(call: TakingCall, { decisions, degraded }: Outcome): boolean {
  if (degraded === 'allow' || degraded === 'deny') return false;
  return decisions.every((decision, i) => {
    if (decision.allowed || decision.mode !== undefined) return true;
    return decision.retryAfterMs !== null && call.permits[i - call.charges.length]?.queue !== undefined;
  });
}

function isDenied({ decisions }: Outcome, { charges }: TakingCall, permit: number): boolean {
  const decision = decisions[charges.length + permit];
  return decision !== undefined && !decision.allowed && decision.mode === undefined;
}

function keyOf({ policy, subject }: HoldRequest): string {
  return `${policy.id}\n${mapKey(subject)}`;
}

function resultOf(outcome: Awaitable<Outcome>): Awaitable<QueueResult> {
  return chain(outcome, (found) => ({ outcome: found }));
}
