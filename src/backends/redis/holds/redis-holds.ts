import { setTimeout as wait } from 'node:timers/promises';
import type { Awaitable } from '../../../core/awaitable.js';
import { systemClock } from '../../../core/clock.js';
import type { Charge, Decision, Outcome, Receipt } from '../../../core/decision.js';
import { receiptOf } from '../../../core/receipt.js';
import { inDomain } from '../../backend-error.js';
import type { HoldEnd, HoldReference, HoldRequest } from '../../hold-store.js';
import { assertExtendable, assertTakeable, assertUnitsOf } from '../../holds/hold-checks.js';
import type { DecideMode, RemoteHolds } from '../../remote-store.js';
import { isTryAgain } from '../clients/reply-errors.js';
import { CrossSlotCall } from '../cross-slot-call.js';
import type { CallContext } from '../dispatch/queued-call.js';
import type { RedisTopology } from '../dispatch/redis-topology.js';
import type { RedisKeys, SlotGroup } from '../redis-keys.js';
import { outcomeOf, undecidedError } from '../scripts/call-verdict.js';
import {
  changeArgs,
  decodeHoldReply,
  type HeldCharge,
  type HoldReply,
  type HoldVerb,
  holdsOf,
  TakeRequest,
} from '../scripts/hold-codec.js';
import { lookupKeys, type PreparedCharge } from '../scripts/override-lookup.js';
import type { ScriptSet } from '../scripts/script-set.js';
import { LateHolds } from './late-holds.js';

export interface RedisHoldsOptions {
  /** Checks charges, and finds where their overrides are. */
  readonly prepare: (charges: readonly Charge[], dueMs: number) => Awaitable<readonly PreparedCharge[]>;
  readonly timeoutMs: number;
}

/** The outcome of the holds and charges of a call on one slot. */
interface DecidedPart {
  readonly outcome: Outcome;
  /** True if all of its holds were open before. */
  readonly isRepeated: boolean;
}

/** A hold to extend, grow or end. */
type ChangedHold = HoldReference & { readonly units?: number };

/**
 * The maximum number of holds that one run of the script extends or ends. A longer run would block other clients of the
 * server.
 */
const MAX_HOLDS_PER_RUN = 100;
/** The number of timeouts for giving holds back. It is background work, so no caller waits for it. */
const RETURN_TIMEOUTS = 10;
/** Milliseconds between two attempts at a run whose keys are on two masters. */
const MOVE_RETRY_MS = 10;

/**
 * Holds in Redis. A call whose keys are on one slot is decided by one run of a script. On several slots of a Cluster,
 * the slots are called one after another, those of holds first, and the charges of earlier ones are refunded if a later
 * one denies or fails. While a slot moves to another master, a run is repeated until its keys are on one master again,
 * for half of the call's time: a budget has three keys, so it cannot be decided key by key like charges.
 */
export class RedisHolds implements RemoteHolds {
  readonly #late = new LateHolds();

  constructor(
    private readonly keys: RedisKeys,
    private readonly topology: RedisTopology,
    private readonly scripts: ScriptSet,
    private readonly context: CallContext,
    private readonly options: RedisHoldsOptions,
  ) {}

  take(holds: readonly HoldRequest[], charges: readonly Charge[], dueMs: number): Promise<Outcome> {
    return this.#decide(holds, charges, 'spend', dueMs);
  }

  peek(holds: readonly HoldRequest[], charges: readonly Charge[], dueMs: number): Promise<Outcome> {
    return this.#decide(holds, charges, 'peek', dueMs);
  }

  async extend(holds: readonly HoldReference[], ttlMs: number, dueMs: number): Promise<readonly boolean[]> {
    assertExtendable(holds, ttlMs);
    return this.#changeAll('extend', holds, dueMs, ttlMs);
  }

  async grow(hold: HoldReference, units: number, dueMs: number): Promise<Decision | undefined> {
    const grown = { ...hold, units };
    assertUnitsOf([grown]);
    const slot = this.keys.slotOf(this.keys.keyOf(hold));
    return (await this.#change('grow', slot, [grown], dueMs)).decision;
  }

  async end(holds: readonly HoldEnd[], dueMs: number): Promise<readonly boolean[]> {
    assertUnitsOf(holds);
    return this.#changeAll('end', holds, dueMs);
  }

  async #decide(
    holds: readonly HoldRequest[],
    charges: readonly Charge[],
    mode: DecideMode,
    dueMs: number,
  ): Promise<Outcome> {
    assertTakeable(holds, charges);
    const prepared = await this.options.prepare(charges, dueMs);
    const asHolds = holds.map(
      (hold): HeldCharge => ({ policy: hold.policy, subject: hold.subject, cost: hold.units, hold }),
    );
    const all = [...asHolds, ...prepared];
    const groups = this.keys.groupBySlot(all);
    const [only] = groups;
    const outcome =
      only === undefined || groups.length > 1
        ? await this.#decideGroups(all, groups, mode, dueMs)
        : (await this.#decidePart(only.targets, mode, dueMs)).outcome;
    const { receipt: _, ...others } = outcome;
    const receipt = chargesOf(outcome.receipt);
    return receipt === undefined ? others : { ...others, receipt };
  }

  #decideGroups(
    all: readonly HeldCharge[],
    groups: readonly SlotGroup<HeldCharge>[],
    mode: DecideMode,
    dueMs: number,
  ): Promise<Outcome> {
    // If the slots of the call that were decided first found open holds and no new ones, the call was taken before.
    let isRepeated = false;
    let isNew = false;
    const decide = async (charges: readonly HeldCharge[], partMode: DecideMode): Promise<Outcome> => {
      const areTaken = partMode === 'spend' && isRepeated && !isNew && !charges.some(({ hold }) => hold !== undefined);
      const counted = areTaken ? charges.map((charge) => ({ ...charge, cost: 0 })) : charges;
      const part = await this.#decidePart(counted, partMode, dueMs);
      isRepeated ||= part.isRepeated;
      isNew ||= holdsOf(counted).length > 0 && !part.isRepeated;
      return part.outcome;
    };
    const returns = { start: (receipt: Receipt) => this.#giveBack(receipt) };
    const call = new CrossSlotCall(all, groups, dueMs, { decide }, returns, this.options.timeoutMs);
    return mode === 'spend' ? call.spend() : call.peek();
  }

  /** Decides holds and charges whose keys are on one slot: the holds first. */
  #decidePart(charges: readonly HeldCharge[], mode: DecideMode, dueMs: number): Promise<DecidedPart> {
    return onceMoved(dueMs, () => this.#tryPart(charges, mode, dueMs));
  }

  async #tryPart(charges: readonly HeldCharge[], mode: DecideMode, dueMs: number): Promise<DecidedPart> {
    const holds = holdsOf(charges);
    const others: readonly PreparedCharge[] = charges.filter(({ hold }) => hold === undefined);
    const keys = [
      ...this.keys.keysOf(others),
      ...others.flatMap(({ lookup }) => (lookup === undefined ? [] : lookupKeys(lookup))),
      ...holds.flatMap((hold) => this.keys.holdKeysOf(hold)),
    ];
    const slot = this.keys.slotOf(keys[0] ?? '');
    let request: TakeRequest | undefined;
    const encode = (instant: string, deadlineMs: number) => {
      request = new TakeRequest(charges, mode, instant, deadlineMs);
      return request.args;
    };
    const decode = (bytes: unknown) => (request ?? new TakeRequest(charges, mode, '', 0)).decode(bytes);
    const call = this.#late.begin(mode === 'spend' ? holds : []);
    try {
      const { verdict, isRepeated } = await this.topology
        .masterOf(slot)
        .runTimed(this.scripts.take, keys, encode, decode, dueMs, (late) => {
          const receipt = late.verdict.kind === 'decided' ? late.verdict.outcome.receipt : undefined;
          if (receipt !== undefined && call.isAbandoned()) void this.#giveBack(receipt);
        });
      if (verdict.kind === 'decided') {
        for (const target of verdict.unreadable ?? []) this.context.unreadable.report({ what: 'override', ...target });
      }
      return { outcome: outcomeOf(verdict, charges, this.context.events), isRepeated };
    } catch (error) {
      call.abandon();
      throw inDomain(error, this.topology.domainOf(slot));
    }
  }

  /** Ends holds and returns units of a call that is not taken. Never rejects: what is not given back expires. */
  async #giveBack(receipt: Receipt): Promise<void> {
    const all: readonly HeldCharge[] = receipt.charges;
    const ends = holdsOf(all.filter(({ cost }) => cost > 0)).map((hold) => ({ ...hold, units: 0 }));
    const charges = chargesOf(receipt);
    const dueMs = systemClock.now() + RETURN_TIMEOUTS * this.options.timeoutMs;
    await Promise.all([
      this.#changeAll('end', ends, dueMs).catch(() => undefined),
      charges && this.context.returns.start(charges),
    ]);
  }

  /** Extends or ends holds, those of each slot in runs of a bounded length. Returns the answers in order. */
  async #changeAll(
    verb: HoldVerb,
    holds: readonly ChangedHold[],
    dueMs: number,
    ttlMs?: number,
  ): Promise<readonly boolean[]> {
    const answers: boolean[] = holds.map(() => false);
    await Promise.all(
      this.keys.groupBySlot(holds).map(async ({ slot, targets, indexes }) => {
        for (let first = 0; first < targets.length; first += MAX_HOLDS_PER_RUN) {
          const some = targets.slice(first, first + MAX_HOLDS_PER_RUN);
          const reply = await this.#change(verb, slot, some, dueMs, ttlMs);
          reply.answers.forEach((answer, i) => {
            answers[indexes[first + i] ?? 0] = answer;
          });
        }
      }),
    );
    return answers;
  }

  async #change(
    verb: HoldVerb,
    slot: number,
    holds: readonly ChangedHold[],
    dueMs: number,
    ttlMs?: number,
  ): Promise<HoldReply> {
    const keys = holds.flatMap((hold) => this.keys.holdKeysOf(hold));
    const encode = (instant: string, deadlineMs: number) => changeArgs(instant, deadlineMs, verb, holds, ttlMs);
    const decode = (bytes: unknown) => decodeHoldReply(bytes, verb, holds);
    try {
      const reply = await onceMoved(dueMs, () =>
        this.topology.masterOf(slot).runTimed(this.scripts.hold, keys, encode, decode, dueMs, () => {}),
      );
      if (reply.isForeign) throw undecidedError({ kind: 'foreign-value' }, holds, this.context.events);
      return reply;
    } catch (error) {
      throw inDomain(error, this.topology.domainOf(slot));
    }
  }
}

/**
 * Repeats a run that was not executed because its keys are on two masters, for half of the time that is left. The last
 * attempt has the other half, so that it does not time out, which would count as a failure of the master.
 */
async function onceMoved<T>(dueMs: number, run: () => Promise<T>): Promise<T> {
  const now = systemClock.now();
  const lastMs = now + (dueMs - now) / 2;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!isTryAgain(error) || systemClock.now() + MOVE_RETRY_MS > lastMs) throw error;
    }
    await wait(MOVE_RETRY_MS);
  }
}

/** Returns the receipt for the charges of a call, without its holds; undefined if nothing of them was taken. */
function chargesOf(receipt: Receipt | undefined): Receipt | undefined {
  if (receipt === undefined) return undefined;
  const all: readonly HeldCharge[] = receipt.charges;
  const isCharge = (_: unknown, i: number) => all[i]?.hold === undefined;
  const charges = receipt.charges.filter(isCharge);
  const instants = receipt.instants?.filter(isCharge);
  return charges.some(({ cost }) => cost > 0) ? receiptOf(receipt.at, charges, instants && { instants }) : undefined;
}
