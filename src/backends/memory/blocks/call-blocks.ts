import { type Charge, type Decision, withMembers } from '../../../core/decision.js';
import { mapKey } from '../../../core/key.js';
import type { Policy, PolicyBlock } from '../../../core/policy.js';
import {
  afterAdmission,
  afterDenial,
  type BlockRecord,
  isBlocked,
  whileBlocked,
} from '../../../strategies/blocks/block-record.js';
import type { State, StepResult, Strategy } from '../../../strategies/strategy.js';
import type { MemoryStore } from '../memory-store.js';
import { hasRoomFor, readRecord, writeRecord } from './block-table.js';

/** The record of a subject during a call. */
interface CallRecord {
  readonly policy: Policy;
  readonly block: PolicyBlock;
  readonly subject: string;
  readonly key: string;
  /** As the call found it. */
  readonly found: BlockRecord;
  /** As the charges of the call leave it. */
  current: BlockRecord;
  /** Set if an enforced charge of the call counts as a denial. */
  denied?: BlockRecord;
}

/** A charge to decide by a strategy, and the state to start from. */
export interface ChargeStep {
  readonly charge: Charge;
  readonly strategy: Strategy;
  /** The state that the call found. */
  readonly found: State;
  /** The cost of the call's charges on this state so far. */
  readonly total: number;
}

/** Returns the blocks of a call; undefined if no policy of it has any. */
export function blocksIn(store: MemoryStore, charges: readonly Charge[], now: number): CallBlocks | undefined {
  for (const { policy } of charges) if (policy.block !== undefined) return new CallBlocks(store, now);
  return undefined;
}

/**
 * The blocks of one call. Its enforced charges are decided by the records as the call found them, and count at most
 * once a subject: as a denial or as an admission. Monitored charges follow one after the other, if the others pass.
 */
export class CallBlocks {
  readonly #records: CallRecord[] = [];
  /**
   * Set if an enforced charge is denied. Later decisions then use the records that the call found, and do not change
   * them.
   */
  #isDenied = false;

  constructor(
    private readonly store: MemoryStore,
    private readonly now: number,
  ) {}

  /** Returns the denial of a charge whose subject is blocked, else undefined. */
  denialOf({ charge, strategy, found, total }: ChargeStep): StepResult | undefined {
    const { policy, cost, mode, arguments: args } = charge;
    const record = this.#recordOf(policy, charge.subject);
    if (record === undefined || cost === 0 || mode === 'record') return undefined;
    const known = this.#known(record);
    if (!isBlocked(known, this.now)) return undefined;
    const atCost = strategy.step(found, this.now, policy, total, args).decision;
    const decision = atCost.allowed ? strategy.step(found, this.now, policy, 0, args).decision : atCost;
    return { state: found, decision: whileBlocked(decision, known, this.now, true) };
  }

  /** Counts the result of a charge that no block denies. Returns it, or the denial of a block that begins. */
  counted({ policy, subject, cost, mode }: Charge, result: StepResult): StepResult {
    const record = this.#recordOf(policy, subject);
    if (record === undefined) return result;
    const { decision } = result;
    if (decision.allowed) {
      if (mode === 'monitor' && cost > 0 && !this.#isDenied) record.current = afterAdmission(record.current);
      const read = this.asFound(policy, subject, decision);
      return read === decision ? result : { ...result, decision: read };
    }
    // A cost that can never pass does not count, because it says nothing about the subject.
    if (decision.retryAfterMs === null || this.#isDenied) return result;
    // Without room for the record, no block can begin: it would not be kept.
    if (!hasRoomFor(this.store, this.store.blocksOf(policy), record.key, this.now)) return result;
    const after = afterDenial(record.current, this.now, record.block);
    if (mode === 'monitor') record.current = after;
    else record.denied = after;
    if (!isBlocked(after, this.now)) return result;
    const startedBlock = { forMs: after.until - this.now, strikes: after.strikes };
    return { ...result, decision: withMembers(whileBlocked(decision, after, this.now, true), { startedBlock }) };
  }

  /** Returns the decision on a read, or on recorded units, with the block of the subject applied if there is one. */
  asFound(policy: Policy, subject: string, decision: Decision): Decision {
    const record = this.#recordOf(policy, subject);
    if (record === undefined) return decision;
    const known = this.#known(record);
    return isBlocked(known, this.now) ? whileBlocked(decision, known, this.now, false) : decision;
  }

  /**
   * Updates the records once the enforced charges are decided. In an allowed call, each charge resets the denials in a
   * row of its subject. In a denied call, only the denials count.
   */
  conclude(charges: readonly Charge[], allowed: boolean): void {
    this.#isDenied = !allowed;
    for (const { policy, subject, cost, mode } of charges) {
      const record = this.#recordOf(policy, subject);
      if (record === undefined) continue;
      if (!allowed) record.current = record.denied ?? record.found;
      else if (mode !== 'record' && cost > 0) record.current = afterAdmission(record.current);
    }
  }

  /** Writes the records that the call has changed. */
  write(): void {
    for (const { policy, subject, block, found, current } of this.#records) {
      if (current !== found) writeRecord(this.store, { policy, subject }, current, block, this.now);
    }
  }

  #known({ found, current }: CallRecord): BlockRecord {
    return this.#isDenied ? found : current;
  }

  #recordOf(policy: Policy, subject: string): CallRecord | undefined {
    const { block } = policy;
    if (block === undefined) return undefined;
    const key = mapKey(subject);
    const table = this.store.blocksOf(policy);
    const known = this.#records.find((one) => one.key === key && this.store.blocksOf(one.policy) === table);
    if (known !== undefined) return known;
    const found = readRecord(table, key);
    const record: CallRecord = { policy, block, subject, key, found, current: found };
    this.#records.push(record);
    return record;
  }
}
