import type { Charge, Decision, Outcome, TakenCharge } from '../../../core/decision.js';
import { receiptOf } from '../../../core/receipt.js';
import type { HoldReference, HoldRequest } from '../../hold-store.js';
import type { DecideMode } from '../../remote-store.js';
import { type FinalVerdict, type TimedReply, unexpectedReply } from './call-verdict.js';
import type { PreparedCharge } from './override-lookup.js';
import { argumentArgs, policyArgs } from './policy-args.js';
import { SpendRequest } from './spend-codec.js';
import { SpendReply } from './spend-reply.js';

/** The changes that a script makes to open holds. */
export type HoldVerb = 'extend' | 'grow' | 'end';

/** A hold as a charge of a call: its cost are the units to be held. */
export interface HeldCharge extends PreparedCharge {
  /** Present for a hold; its units are not used. */
  readonly hold?: HoldRequest;
}

/** The server's time and the instant, before the answers. */
const HEAD_BYTES = 16;
const NOT_HELD = 0;
const CHANGED = 1;
const LATE = 4;
const FOREIGN_VALUE = 5;
/** The status of each hold, which follows the decisions. */
const NEW = 1;
const WAS_OPEN = 2;

/** The arguments of a hold. Twin of `read_hold` in Lua. */
function holdArgs(hold: HoldReference, units: number, ttlMs: number): readonly string[] {
  const { policy, id } = hold;
  const { onExpiry = 'charge', carryDebt } = policy.held ?? {};
  const rule = onExpiry === 'charge' && carryDebt === true ? 'carry' : onExpiry;
  return [...argumentArgs(hold), ...policyArgs(policy), rule, String(id), String(units), String(ttlMs)];
}

/** Returns the holds among the charges of a call. */
export function holdsOf(charges: readonly HeldCharge[]): readonly HoldRequest[] {
  return charges.flatMap(({ hold, cost }) => (hold === undefined ? [] : [{ ...hold, units: cost }]));
}

/** The reply of the script that takes holds together with charges. */
export interface TakeReply extends TimedReply {
  readonly verdict: FinalVerdict;
  /** True if all holds of the call were open before. */
  readonly isRepeated: boolean;
}

/**
 * Encodes a call as the arguments of the script that lua/scripts/take.lua describes, and decodes its reply. Its receipt
 * has the holds, too, as charges, at a cost of 0 unless they are new.
 */
export class TakeRequest {
  readonly args: readonly string[];
  /** The keys of charges that may be overridden. */
  readonly moreKeys: readonly string[];
  readonly #spend: SpendRequest;
  readonly #deadlineMs: number;

  /**
   * @param charges the holds first
   * @param instant epoch milliseconds, or '' for the server's time
   * @param deadlineMs in the server's milliseconds
   */
  constructor(
    private readonly charges: readonly HeldCharge[],
    private readonly mode: DecideMode,
    instant: string,
    deadlineMs: number,
  ) {
    const others = charges.filter(({ hold }) => hold === undefined);
    this.#deadlineMs = deadlineMs;
    this.#spend = new SpendRequest(instant, [{ charges: others, mode, deadlineMs }]);
    const holds = holdsOf(charges).flatMap((hold) => holdArgs(hold, hold.units, hold.ttlMs));
    this.args = [...this.#spend.args, ...holds, String(holds.length)];
    this.moreKeys = this.#spend.moreKeys;
  }

  /** @throws TypeError if it is no reply to this request */
  decode(bytes: unknown): TakeReply {
    const reply = this.#spend.decode(bytes);
    const { serverMs } = reply;
    // The decisions on holds are as those on charges that take nothing.
    const charges = this.charges.map(({ hold, ...charge }) => (hold === undefined ? charge : { ...charge, cost: 0 }));
    const verdict = reply.next({ charges, mode: this.mode, deadlineMs: this.#deadlineMs });
    if (verdict.kind === 'undecided' || verdict.kind === 'unsupported') throw unexpectedReply();
    if (verdict.kind !== 'decided' || !Buffer.isBuffer(bytes)) {
      return { serverMs, isLate: verdict.kind === 'late', verdict, isRepeated: false };
    }
    const holds = holdsOf(this.charges).length;
    const found = bytes.subarray(bytes.length - holds);
    const isRepeated = found.includes(WAS_OPEN) && !found.includes(NEW);
    const outcome = this.#withHolds(verdict.outcome, found, isRepeated, bytes.readDoubleLE(8));
    return { serverMs, isLate: false, verdict: { ...verdict, outcome }, isRepeated };
  }

  #withHolds({ receipt, ...outcome }: Outcome, found: Uint8Array, isRepeated: boolean, at: number): Outcome {
    if (!outcome.allowed || this.mode === 'peek') return outcome;
    const taken = this.charges.map((charge, i): HeldCharge & TakenCharge => {
      if (charge.hold !== undefined) return found[i] === NEW ? charge : { ...charge, cost: 0 };
      const { lookup: _, ...other } = charge;
      return isRepeated ? { ...other, cost: 0 } : (receipt?.charges[i] ?? { ...other, cost: 0 });
    });
    return taken.some(({ cost }) => cost > 0) ? { ...outcome, receipt: receiptOf(at, taken) } : outcome;
  }
}

/** The reply of lua/scripts/hold.lua. */
export interface HoldReply extends TimedReply {
  readonly isForeign: boolean;
  /** For each hold, whether it was extended or ended. */
  readonly answers: readonly boolean[];
  /** The decision on more units, if it was to grow and there is such a hold. */
  readonly decision?: Decision;
}

/** Encodes the arguments of lua/scripts/hold.lua. */
export function changeArgs(
  instant: string,
  deadlineMs: number,
  verb: HoldVerb,
  holds: readonly (HoldReference & { readonly units?: number })[],
  ttlMs = 0,
): readonly string[] {
  return [instant, String(deadlineMs), verb, ...holds.flatMap((hold) => holdArgs(hold, hold.units ?? 0, ttlMs))];
}

/**
 * Decodes a reply of lua/scripts/hold.lua.
 *
 * @throws TypeError if it is none
 */
export function decodeHoldReply(bytes: unknown, verb: HoldVerb, holds: readonly HoldReference[]): HoldReply {
  if (!Buffer.isBuffer(bytes) || bytes.length < HEAD_BYTES) throw unexpectedReply();
  const serverMs = bytes.readDoubleLE(0);
  const status = bytes[HEAD_BYTES];
  const isLate = status === LATE;
  const isForeign = status === FOREIGN_VALUE;
  if (isLate || isForeign) return { serverMs, isLate, isForeign, answers: [] };
  if (verb === 'grow' && status !== NOT_HELD) {
    const [grown] = holds;
    if (grown === undefined) throw unexpectedReply();
    return { serverMs, isLate, isForeign, answers: [true], decision: decisionOf(bytes, grown) };
  }
  const answers = Array.from(bytes.subarray(HEAD_BYTES), (answer) => {
    if (answer !== NOT_HELD && answer !== CHANGED) throw unexpectedReply();
    return answer === CHANGED;
  });
  if (answers.length !== holds.length) throw unexpectedReply();
  return { serverMs, isLate, isForeign, answers };
}

/** Reads the only decision of a reply. */
function decisionOf(bytes: Buffer, { policy, subject }: HoldReference): Decision {
  const charge: Charge = { policy, subject, cost: 0 };
  const verdict = new SpendReply(bytes, new Map()).next({ charges: [charge], mode: 'peek', deadlineMs: 0 });
  const [decision] = verdict.kind === 'decided' ? verdict.outcome.decisions : [];
  if (decision === undefined) throw unexpectedReply();
  return decision;
}
