import { withDeadline } from '../../../backends/resilience/with-deadline.js';
import { isSettled } from '../../../backends/settlement.js';
import { isPromise } from '../../../core/awaitable.js';
import { systemClock } from '../../../core/clock.js';
import { type Charge, isCost, type Outcome, type Receipt, type Target } from '../../../core/decision.js';
import { describeValue, optionAt } from '../../../core/errors.js';
import type { CompiledLimit } from '../../../planning/compiled-limit.js';
import type { Call } from '../../../transports/call.js';
import type { CallSession } from '../call-session.js';
import { callUnder } from '../charges/charge-parts.js';
import { type ChargedOutcome, limitAt } from '../charges/prepared-charges.js';
import type { RuntimeSettings } from '../runtime-settings.js';
import type { CallEnd, EndedCall } from './call-end.js';
import { type ReceiptPart, settleableParts } from './delayed-receipts.js';

/** How long a closing application waits for settlements: as long as for a function of the user. */
const MAX_CLOSE_WAIT_MS = 5000;

/** Returns true if a limit has `chargeWhen`. */
export function isByOutcome({ chargeWhen }: CompiledLimit): boolean {
  return chargeWhen !== undefined;
}

/**
 * Settles the charges of limits with `chargeWhen` after each call has ended. A call stays charged if its client aborted
 * it, or if its `chargeWhen` fails.
 */
export class OutcomeSettlements {
  readonly #running = new Set<Promise<void>>();
  /** The outcomes of calls that have not ended yet. */
  readonly #pending = new WeakMap<CallEnd, ChargedOutcome[]>();
  /** Charges whose budgets were reset by their own calls. */
  readonly #reset = new WeakSet<Charge>();

  constructor(private readonly settings: RuntimeSettings) {}

  /** Settles the charges of a call when it has ended. */
  watch(charged: ChargedOutcome, session: CallSession<unknown>, call: Call): void {
    if (!charged.limits.some(isByOutcome)) return;
    const end = session.watchEnd();
    if (end === undefined) return;
    const takenAtMs = this.settings.clock.now();
    const pending = this.#pending.get(end) ?? [];
    pending.push(charged);
    this.#pending.set(end, pending);
    end.whenEnded((ended) => void this.settle(charged, call, ended, takenAtMs));
  }

  /** Excludes charges of a call whose budgets it has reset, because the units there now belong to other calls. */
  forget({ end }: CallSession, budgets: readonly Target[]): void {
    const pending = end === undefined ? [] : (this.#pending.get(end) ?? []);
    for (const charge of pending.flatMap(({ outcome }) => outcome.receipt?.charges ?? [])) {
      if (budgets.some((budget) => isSameBudget(budget, charge))) this.#reset.add(charge);
    }
  }

  /**
   * Settles the charges of a call that has ended. Never rejects: errors are logged.
   *
   * @param takenAtMs the instant of the charges, on the clock of this process
   */
  settle(charged: ChargedOutcome, call: Call, ended: EndedCall, takenAtMs: number): Promise<void> {
    const settled = this.#settle(charged, call, ended, takenAtMs).finally(() => this.#running.delete(settled));
    this.#running.add(settled);
    return settled;
  }

  async #settle(charged: ChargedOutcome, call: Call, ended: EndedCall, takenAtMs: number): Promise<void> {
    const { receipt } = charged.outcome;
    // A settled receipt was refunded, by hand or because a later phase denied the call.
    if (receipt === undefined || ended.isAborted || isSettled(receipt)) return;
    try {
      const costs = await this.#costsOf(receipt, charged, call, ended);
      if (receipt.charges.every(({ cost }, i) => costs[i] === cost)) return;
      await Promise.all(
        this.#partsOf(charged.outcome, receipt, takenAtMs).map((part) =>
          this.settings.backend.settle(
            part.receipt,
            part.indexes.map((i) => costs[i] ?? 0),
          ),
        ),
      );
    } catch (error) {
      this.settings.fail(error);
    }
  }

  /** Resolves when no settlement is running, or after `maxWaitMs`, which is logged. */
  async close(maxWaitMs = MAX_CLOSE_WAIT_MS): Promise<void> {
    if (this.#running.size === 0) return;
    const idle = async () => {
      while (this.#running.size > 0) await Promise.all(this.#running);
    };
    const late = () =>
      new Error(`The application closes, and ${this.#running.size} calls are not settled yet. They stay charged.`);
    await withDeadline(idle(), systemClock.now() + maxWaitMs, late).catch(this.settings.fail);
  }

  /** Returns the new cost of each charge. Calls a function once per limit, which has one charge per rate. */
  #costsOf({ charges }: Receipt, charged: ChargedOutcome, call: Call, ended: EndedCall): Promise<readonly number[]> {
    const answers = new Map<CompiledLimit, Promise<boolean | number>>();
    const costOf = async (charge: Charge, i: number): Promise<number> => {
      const { cost } = charge;
      const limit = limitAt(charged, i);
      // A charge that took nothing belongs to a monitored limit that would have denied the call, or to one that counts
      // nothing.
      if (limit === undefined || cost === 0 || !isByOutcome(limit) || this.#reset.has(charge)) return cost;
      const answer = answers.get(limit) ?? this.#ask(limit, call, ended);
      answers.set(limit, answer);
      const found = await answer;
      return typeof found === 'number' ? found : found ? cost : 0;
    };
    return Promise.all(charges.map(costOf));
  }

  /** Returns whether a call is charged under a limit, or its cost. */
  async #ask(limit: CompiledLimit, call: Call, ended: EndedCall): Promise<boolean | number> {
    const { chargeWhen } = limit;
    if (typeof chargeWhen !== 'function') return ended.isFailure === (chargeWhen === 'failure');
    try {
      const answer = chargeWhen(ended.result, callUnder(limit, call));
      return checkedAnswer(await (isPromise(answer) ? this.#inTime(answer) : answer));
    } catch (error) {
      this.settings.fail(chargeWhenError(limit, error));
      return true;
    }
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    const { deadlines } = this.settings;
    return deadlines.boundPromise(answer, () => new Error(`expected a result within ${deadlines.waitText}, got none`));
  }

  /** Returns the receipts to settle: the receipt itself, unless the call was delayed. */
  #partsOf(outcome: Outcome, receipt: Receipt, takenAtMs: number): readonly ReceiptPart[] {
    const delayMs = Math.max(...outcome.decisions.map((decision) => decision.delayMs));
    if (delayMs === 0) return [{ receipt, indexes: [...receipt.charges.keys()] }];
    const parts = settleableParts(outcome, Math.min(delayMs, this.settings.clock.now() - takenAtMs));
    return parts.filter(({ indexes }) => indexes.length > 0);
  }
}

function isSameBudget(one: Target, other: Target): boolean {
  return one.subject === other.subject && one.policy.id === other.policy.id;
}

function checkedAnswer(answer: unknown): boolean | number {
  if (typeof answer === 'boolean' || isCost(answer)) return answer;
  throw new TypeError(
    `expected true, false, or the cost to be charged, a safe integer of at least 0, got ${describeValue(answer)}`,
  );
}

/** Returns the error to log for a function that failed after its call had ended. */
function chargeWhenError({ name, place }: CompiledLimit, error: unknown): Error {
  const reason = error instanceof Error ? error.message : describeValue(error);
  return new Error(
    `${optionAt(place, 'chargeWhen')} (policy "${name}"): failed, so the call stays charged as it was: ${reason}`,
    { cause: error },
  );
}
