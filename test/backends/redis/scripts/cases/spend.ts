import type { Target } from '../../../../../src/backends/backend.js';
import { MemoryBackend } from '../../../../../src/backends/memory/memory.backend.js';
import { blockScriptArgs } from '../../../../../src/backends/redis/scripts/block-codec.js';
import { HAS_RECORD, policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import {
  SpendOneRequest,
  SpendRequest,
  SpendSeveralRequest,
} from '../../../../../src/backends/redis/scripts/spend-codec.js';
import type { BatchedCall } from '../../../../../src/backends/redis/scripts/spend-reply.js';
import { ManualClock } from '../../../../../src/core/clock.js';
import type { Charge, Receipt } from '../../../../../src/core/decision.js';
import { type Decision, isMonitored } from '../../../../../src/core/decision.js';
import { keyBeginning, keyEnd, keyPart } from '../../../../../src/core/key.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { type BlockRecord, isBlocked, NO_RECORD } from '../../../../../src/strategies/blocks/block-record.js';
import { BUILT_IN_STRATEGIES } from '../../../../../src/strategies/built-in-strategies.js';
import { record } from '../../../../../src/strategies/record.js';
import { credited, type State } from '../../../../../src/strategies/strategy.js';
import { Reply } from '../support/reply.js';
import type { Run } from '../support/script-run.js';
import type { ScriptName } from '../support/scripts-under-test.js';
import { CallRecords } from './call-records.js';

/** A call of a run: its charges, and its deadline in the server's time, or `peek`. */
export interface Call {
  readonly charges: readonly Charge[];
  readonly deadline: number | 'peek';
}

export interface At {
  /** The instant that decides. */
  readonly now: number;
  /** The server's time in microseconds. If the instant is the server's, `now` is its milliseconds. */
  readonly timeUs: number;
  /** True if the instant is an argument; otherwise the script takes the server's. */
  readonly isTold: boolean;
}

/** The state under a key. `expiresMs`: when the key expires, in the server's milliseconds. */
interface Stored {
  readonly state: State;
  readonly expiresMs: number | undefined;
}

/** A run, and the receipts of the calls that took units. */
export interface Recorded {
  readonly run: Run;
  readonly receipts: readonly Receipt[];
}

/** Records runs of the scripts with their expected replies (those of the memory backend) and writes (those of the strategies). */
export class RunRecorder {
  readonly #clock = new ManualClock();
  readonly #memory = new MemoryBackend({ clock: this.#clock });
  readonly #stored = new Map<string, Stored>();
  /** The records of policies with blocks, and when their keys expire. */
  readonly #records = new Map<string, { readonly known: BlockRecord; readonly expiresMs: number }>();

  /** Returns the decision on a cost of 0. */
  standing(policy: Policy, subject: string, now: number): Decision | undefined {
    this.#clock.set(now);
    return this.#memory.peek([{ policy, subject, cost: 0 }]).decisions[0];
  }

  /** Returns the decision that a charge would get. */
  waitOf(charge: Charge, now: number): Decision | undefined {
    this.#clock.set(now);
    return this.#memory.peek([charge]).decisions[0];
  }

  /** Records a run of lua/scripts/spend.lua. Returns it with the receipts of the calls that took units. */
  spend(calls: readonly Call[], at: At): Recorded {
    this.#clock.set(at.now);
    const reply = new Reply();
    const writes = new Writes();
    const receipts: Receipt[] = [];
    for (const { charges, deadline } of calls) {
      for (const { policy } of charges) reply.ask(policy);
      if (deadline !== 'peek' && serverMsOf(at) > deadline) reply.late();
      else receipts.push(...this.#decide(charges, deadline === 'peek' ? 'peek' : 'spend', at, reply, writes));
    }
    const run: Run = {
      script: 'spend',
      keys: calls.flatMap(({ charges }) => charges.map(keyFor)),
      args: new SpendRequest(instantOf(at), calls.map(batched)).args,
      timeUs: at.timeUs,
      expected: { reply: [serverMsOf(at), at.now, ...reply.values], written: this.#lines(writes) },
    };
    return { run, receipts };
  }

  /** Records a run of lua/scripts/spend-one.lua: calls of one charge each, by policies of one strategy. */
  spendOne(strategy: string, calls: readonly Call[], at: At): Recorded {
    const { args } = new SpendOneRequest(instantOf(at), calls.map(batched));
    return this.#spendPlain(`spend-one ${strategy}`, args, calls, at);
  }

  /** Records a run of lua/scripts/spend-several.lua: calls of plain charges, those of each call on other keys. */
  spendSeveral(calls: readonly Call[], at: At): Recorded {
    const { args } = new SpendSeveralRequest(instantOf(at), calls.map(batched));
    return this.#spendPlain('spend-several', args, calls, at);
  }

  /** Records a run whose calls have the earliest deadline of all. */
  #spendPlain(script: ScriptName, args: readonly string[], calls: readonly Call[], at: At): Recorded {
    this.#clock.set(at.now);
    const reply = new Reply();
    const writes = new Writes();
    const receipts: Receipt[] = [];
    const isLate = calls.some(({ deadline }) => deadline !== 'peek' && serverMsOf(at) > deadline);
    for (const { charges } of isLate ? [] : calls) {
      receipts.push(...this.#decide(charges, 'spend', at, reply, writes));
    }
    const run: Run = {
      script,
      keys: calls.flatMap(({ charges }) => charges.map(keyFor)),
      args,
      timeUs: at.timeUs,
      expected: { reply: [serverMsOf(at), at.now, ...reply.calls], written: this.#lines(writes) },
    };
    return { run, receipts };
  }

  /** Decides a call in memory, and records its reply and its writes. Returns its receipt, if it has one. */
  #decide(
    charges: readonly Charge[],
    mode: 'spend' | 'peek',
    { now, timeUs, isTold }: At,
    reply: Reply,
    writes: Writes,
  ): readonly Receipt[] {
    const serverMs = Math.floor(timeUs / 1000);
    const marginMs = isTold ? 3_600_000 : 1000;
    const { decisions, receipt } = this.#memory[mode](charges);
    const records = new CallRecords(charges, decisions, now, (charge) => this.recordOf(charge));
    decisions.forEach((decision, i) => {
      const charge = charges[i];
      if (charge !== undefined) reply.charge(charge.policy, decision, records.strikes[i]);
    });
    if (mode === 'peek') return [];
    const untilMs = receipt === undefined ? new Map() : this.#take(receipt.charges, now, serverMs + marginMs);
    for (const [key, ms] of untilMs) this.#write(key, serverMs, ms, writes);
    for (const [key, { known, keptMs, isChanged }] of records.after()) {
      if (!isChanged && !untilMs.has(key)) continue;
      const recordMs = keptMs === 0 ? 0 : serverMs + keptMs - now + marginMs;
      this.#writeRecord(key, known, serverMs, Math.max(untilMs.get(key) ?? 0, recordMs), writes);
    }
    return receipt === undefined ? [] : [receipt];
  }

  /** One run of lua/scripts/settle.lua. */
  settle(receipt: Receipt, costs: readonly number[], deadline: number, { now, timeUs, isTold }: At): Run {
    this.#clock.set(now);
    const serverMs = Math.floor(timeUs / 1000);
    const isLate = serverMs > deadline;
    const writes = new Writes();
    const deleted: string[] = [];
    if (!isLate) this.#memory.settle(receipt, costs);
    receipt.charges.forEach((charge, i) => {
      const to = costs[i] ?? charge.cost;
      const stored = this.#stored.get(keyFor(charge));
      const isRaised = to > charge.cost;
      if (isLate || to === charge.cost || (stored === undefined && !isRaised)) return;
      const strategy = strategyOf(charge.policy);
      const was = stored?.state ?? [];
      const state = strategy.amend(was, now, charge.policy, receipt.at, charge.cost, to);
      if (state === was) return;
      const { resetMs } = strategy.step(state, now, charge.policy, 0).decision;
      const untilMs = isRaised ? serverMs + resetMs + (isTold ? 3_600_000 : 1000) : 0;
      if (state.length === 0) {
        this.#stored.delete(keyFor(charge));
        writes.delete(keyFor(charge));
        if (charge.policy.block === undefined) deleted.push(`DEL ${keyFor(charge)}`);
      } else {
        // A refund never matters longer than the charge.
        this.#stored.set(keyFor(charge), { expiresMs: stored?.expiresMs, state });
        this.#write(keyFor(charge), serverMs, untilMs, writes);
      }
      if (charge.policy.block === undefined) return;
      deleted.push(...this.#writeRecord(keyFor(charge), this.recordOf(charge), serverMs, untilMs, writes));
    });
    const args = receipt.charges.flatMap(({ policy, cost }, i) => [
      ...recordArgs(policy),
      ...policyArgs(policy),
      `${cost}`,
      `${costs[i] ?? cost}`,
    ]);
    return {
      script: 'settle',
      keys: receipt.charges.map(keyFor),
      args: [isTold ? String(now) : '', String(deadline), String(receipt.at), ...args],
      timeUs,
      expected: { reply: [serverMs, isLate ? 2 : 1], written: [...deleted, ...this.#lines(writes)].sort() },
    };
  }

  /** One run of lua/scripts/settle.lua that gives units back whenever they were taken. */
  credit(charge: Charge, deadline: number, { now, timeUs, isTold }: At): Run {
    this.#clock.set(now);
    const serverMs = Math.floor(timeUs / 1000);
    const { policy, cost } = charge;
    const key = keyFor(charge);
    const isLate = serverMs > deadline;
    const writes = new Writes();
    const deleted: string[] = [];
    const stored = this.#stored.get(key);
    if (!isLate) this.#memory.credit([charge]);
    if (!isLate && cost > 0 && stored !== undefined) {
      const state = credited(strategyOf(policy), stored.state, now, policy, cost);
      if (state !== stored.state) {
        if (state.length === 0) this.#stored.delete(key);
        else {
          this.#stored.set(key, { ...stored, state });
          this.#write(key, serverMs, 0, writes);
        }
        if (policy.block !== undefined) {
          deleted.push(...this.#writeRecord(key, this.recordOf(charge), serverMs, 0, writes));
        } else if (state.length === 0) deleted.push(`DEL ${key}`);
      }
    }
    const instant = isTold ? String(now) : '';
    return {
      script: 'settle',
      keys: [key],
      args: [instant, String(deadline), '', ...recordArgs(policy), ...policyArgs(policy), `${cost}`, '0'],
      timeUs,
      expected: { reply: [serverMs, isLate ? 2 : 1], written: [...deleted, ...this.#lines(writes)].sort() },
    };
  }

  /** One run of lua/scripts/block.lua. @param forMs undefined to end a block */
  block(target: Target, forMs: number | undefined, deadline: number, { now, timeUs, isTold }: At): Run {
    this.#clock.set(now);
    const serverMs = Math.floor(timeUs / 1000);
    const key = keyFor(target);
    const isLate = serverMs > deadline;
    const writes = new Writes();
    const deleted: string[] = [];
    const found = this.recordOf(target);
    const known = forMs === undefined ? NO_RECORD : { ...found, until: now + forMs, row: 0, rowAt: 0 };
    if (!isLate) {
      if (forMs === undefined) this.#memory.blocks.deleteBlock(target);
      else this.#memory.blocks.setBlock(target, forMs);
      const untilMs = forMs === undefined ? 0 : serverMs + forMs + (isTold ? 3_600_000 : 1000);
      deleted.push(...this.#writeRecord(key, known, serverMs, untilMs, writes));
    }
    const done = [1, isBlocked(found, now) ? found.until : 0, known.until, known.strikes];
    return {
      script: 'block',
      keys: [key],
      args: blockScriptArgs(isTold ? String(now) : '', deadline, forMs),
      timeUs,
      expected: {
        reply: [serverMs, ...(isLate ? [2] : done)],
        written: [...deleted, ...this.#lines(writes)].sort(),
      },
    };
  }

  /** Returns what is known of the blocks of a subject. */
  recordOf(target: Target): BlockRecord {
    return this.#records.get(keyFor(target))?.known ?? NO_RECORD;
  }

  close(): void {
    void this.#memory.close();
  }

  /** Stores the states of an allowed call. Returns the instant until which each of its keys matters. */
  #take(charges: readonly Charge[], now: number, atLeastMs: number): ReadonlyMap<string, number> {
    const untilMs = new Map<string, number>();
    const inCall = new Map<string, { readonly found: State; readonly total: number; readonly isDenied: boolean }>();
    // Monitored charges are decided after all others.
    for (const charge of charges.toSorted((a, b) => Number(isMonitored(a)) - Number(isMonitored(b)))) {
      const { policy, cost, mode } = charge;
      if (cost === 0) continue;
      const key = keyFor(charge);
      const was = this.#stored.get(key);
      const state = was?.state ?? [];
      const strategy = strategyOf(policy);
      const earlier = inCall.get(key);
      const [found, total] = [earlier?.found ?? state, (earlier?.total ?? 0) + cost];
      let result =
        mode === 'record' ? record(strategy, state, now, policy, cost) : strategy.step(state, now, policy, cost);
      const isDenied = earlier?.isDenied === true || !result.decision.allowed;
      // Policies of one budget and other limits may be too much one after the other, and together not.
      if (isDenied && earlier !== undefined && mode === undefined) result = strategy.step(found, now, policy, total);
      inCall.set(key, { found, total, isDenied });
      this.#stored.set(key, { state: result.state, expiresMs: was?.expiresMs });
      // The recorded units of a blocked subject are kept until its block is over.
      const blockedMs = this.recordOf(charge).until - now;
      untilMs.set(key, atLeastMs + Math.max(result.decision.resetMs, blockedMs));
    }
    return untilMs;
  }

  /** Writes a key: it keeps an expiry that is late enough, and else sets one that is 25 % later than needed. */
  #write(key: string, serverMs: number, untilMs: number, writes: Writes): void {
    const stored = this.#stored.get(key);
    if (stored === undefined) throw new Error(`no state to write under ${key}`);
    const isKept = stored.expiresMs !== undefined && stored.expiresMs >= untilMs;
    const ttlMs = Math.ceil((untilMs - serverMs) * 1.25);
    if (!isKept) this.#stored.set(key, { ...stored, expiresMs: serverMs + ttlMs });
    writes.set(key, isKept ? (writes.get(key) ?? 'KEEPTTL') : `PX ${ttlMs}`);
  }

  /** Writes a record, by the same rule, with the state behind it. Returns the command that deletes both, if there is nothing to keep. */
  #writeRecord(key: string, known: BlockRecord, serverMs: number, untilMs: number, writes: Writes): readonly string[] {
    if (!this.#stored.has(key) && Math.max(known.until, known.row, known.strikes) === 0) {
      this.#records.delete(key);
      writes.delete(key);
      return [`DEL ${key}`];
    }
    const expiresMs = this.#records.get(key)?.expiresMs ?? 0;
    const isKept = expiresMs >= untilMs;
    const ttlMs = Math.ceil((untilMs - serverMs) * 1.25);
    this.#records.set(key, { known, expiresMs: isKept ? expiresMs : serverMs + ttlMs });
    const expiry = isKept ? (writes.records.get(key) ?? 'KEEPTTL') : `PX ${ttlMs}`;
    // Instead of that of the state, which is not written by itself.
    writes.set(key, expiry);
    writes.records.set(key, expiry);
    return [];
  }

  /** Returns the values of the keys after a run, one line each. */
  #lines(writes: Writes): readonly string[] {
    const lines = [...writes].map(([key, expiry]) => {
      const stored = this.#stored.get(key);
      const state = stored && `S2${letterOf(key)} ${stored.expiresMs} ${stored.state.join(' ')}`;
      const record = this.#records.get(key);
      const told = record && `S2k ${record.expiresMs} ${recordNumbers(record.known).join(' ')}`;
      return ['SET', key, told, state, expiry].filter((part) => part !== undefined).join(' ');
    });
    return lines.sort();
  }
}

/** The last expiry of each key that a run writes. */
class Writes extends Map<string, string> {
  /** Those of records. */
  readonly records = new Map<string, string>();
}

/** The numbers of a record, in the order in which they are stored. */
const recordNumbers = ({ until, rowAt, struckAt, row, strikes }: BlockRecord) => [until, rowAt, struckAt, row, strikes];
const recordArgs = ({ block }: Policy) => (block === undefined ? [] : [HAS_RECORD]);

const serverMsOf = ({ timeUs }: At) => Math.floor(timeUs / 1000);
const instantOf = ({ now, isTold }: At) => (isTold ? String(now) : '');
/** The letter of a strategy is the first of the code at the end of a key. */
const letterOf = (key: string) => key.charAt(key.lastIndexOf(':') + 1);

const batched = ({ charges, deadline }: Call): BatchedCall => ({
  charges,
  mode: deadline === 'peek' ? 'peek' : 'spend',
  deadlineMs: deadline === 'peek' ? 0 : deadline,
});

export const keyFor = ({ policy, subject }: Target) => keyBeginning('sluice') + keyPart(subject) + keyEnd(policy.id);

function strategyOf({ strategy }: Policy) {
  const found = BUILT_IN_STRATEGIES.find(({ name }) => name === strategy);
  if (found === undefined) throw new Error(`there is no strategy ${strategy}`);
  return found;
}
