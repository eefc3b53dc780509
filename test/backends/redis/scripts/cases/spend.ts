import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import { type BatchedCall, SpendRequest } from '../../../../../src/backends/redis/scripts/spend-codec.js';
import type { Decision } from '../../../../../src/core/decision.js';
import { idPart, keyOf } from '../../../../../src/core/key.js';
import { type Charge, ManualClock, MemoryBackend, type Policy, type Receipt } from '../../../../../src/index.js';
import { BUILT_IN_STRATEGIES } from '../../../../../src/strategies/built-in-strategies.js';
import type { State } from '../../../../../src/strategies/strategy.js';
import { Reply } from '../support/reply.js';
import type { Run } from '../support/script-run.js';

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

/** Records runs of the scripts with their expected replies (those of the memory backend) and writes (those of the strategies). */
export class RunRecorder {
  readonly #clock = new ManualClock();
  readonly #memory = new MemoryBackend({ clock: this.#clock });
  readonly #stored = new Map<string, Stored>();

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
  spend(
    calls: readonly Call[],
    { now, timeUs, isTold }: At,
  ): { readonly run: Run; readonly receipts: readonly Receipt[] } {
    this.#clock.set(now);
    const serverMs = Math.floor(timeUs / 1000);
    const reply = new Reply();
    /** The instant until which the state of a key matters. */
    const untilMs = new Map<string, number>();
    const receipts: Receipt[] = [];
    for (const { charges, deadline } of calls) {
      for (const { policy } of charges) reply.ask(policy);
      if (deadline !== 'peek' && serverMs > deadline) {
        reply.late();
        continue;
      }
      const { decisions, receipt } = this.#memory[deadline === 'peek' ? 'peek' : 'spend'](charges);
      if (receipt !== undefined) this.#take(charges, now, untilMs, serverMs + (isTold ? 3_600_000 : 1000));
      decisions.forEach((decision, i) => {
        const charge = charges[i];
        if (charge !== undefined) reply.charge(charge.policy, decision);
      });
      if (receipt !== undefined) receipts.push(receipt);
    }
    const written = [...untilMs].map(([key, ms]) => this.#write(key, serverMs, ms));
    const asked = calls.map(({ charges, deadline }): BatchedCall => {
      return { charges, mode: deadline === 'peek' ? 'peek' : 'spend', deadlineMs: deadline === 'peek' ? 0 : deadline };
    });
    const run: Run = {
      script: 'spend',
      keys: calls.flatMap(({ charges }) => charges.map(keyFor)),
      args: new SpendRequest(isTold ? String(now) : '', asked).args,
      timeUs,
      expected: { reply: [serverMs, now, ...reply.values], written: written.sort() },
    };
    return { run, receipts };
  }

  /** One run of lua/scripts/settle.lua. */
  settle(receipt: Receipt, costs: readonly number[], deadline: number, { now, timeUs, isTold }: At): Run {
    this.#clock.set(now);
    const serverMs = Math.floor(timeUs / 1000);
    const isLate = serverMs > deadline;
    const written: string[] = [];
    if (!isLate) this.#memory.settle(receipt, costs);
    receipt.charges.forEach((charge, i) => {
      const to = costs[i] ?? charge.cost;
      const stored = this.#stored.get(keyFor(charge));
      if (isLate || to === charge.cost || stored === undefined) return;
      const state = strategyOf(charge.policy).amend(stored.state, now, charge.policy, receipt.at, charge.cost, to);
      if (state === stored.state) return;
      if (state.length === 0) {
        this.#stored.delete(keyFor(charge));
        written.push(`DEL ${keyFor(charge)}`);
      } else {
        // A refund never matters longer than the charge.
        this.#stored.set(keyFor(charge), { ...stored, state });
        written.push(this.#write(keyFor(charge), serverMs, 0));
      }
    });
    const args = receipt.charges.flatMap(({ policy, cost }, i) => [
      ...policyArgs(policy),
      `${cost}`,
      `${costs[i] ?? cost}`,
    ]);
    return {
      script: 'settle',
      keys: receipt.charges.map(keyFor),
      args: [isTold ? String(now) : '', String(deadline), String(receipt.at), ...args],
      timeUs,
      expected: { reply: [serverMs, isLate ? 2 : 1], written: written.sort() },
    };
  }

  close(): void {
    void this.#memory.close();
  }

  /** Stores the states of an allowed call. */
  #take(charges: readonly Charge[], now: number, untilMs: Map<string, number>, atLeastMs: number): void {
    for (const charge of charges) {
      const { policy, cost } = charge;
      if (cost === 0) continue;
      const key = keyFor(charge);
      const was = this.#stored.get(key);
      const result = strategyOf(policy).step(was?.state ?? [], now, policy, cost);
      this.#stored.set(key, { state: result.state, expiresMs: was?.expiresMs });
      untilMs.set(key, atLeastMs + result.decision.resetMs);
    }
  }

  /** Returns the write of a key: it keeps an expiry that is late enough, and else sets one that is 25 % later than needed. */
  #write(key: string, serverMs: number, untilMs: number): string {
    const stored = this.#stored.get(key);
    if (stored === undefined) throw new Error(`no state to write under ${key}`);
    const isKept = stored.expiresMs !== undefined && stored.expiresMs >= untilMs;
    const ttlMs = Math.ceil((untilMs - serverMs) * 1.25);
    const expiresMs = isKept ? stored.expiresMs : serverMs + ttlMs;
    this.#stored.set(key, { ...stored, expiresMs });
    return `SET ${key} S1s ${expiresMs} ${stored.state.join(' ')} ${isKept ? 'KEEPTTL' : `PX ${ttlMs}`}`;
  }
}

const keyFor = ({ policy, subject }: Charge) => keyOf('sluice', subject, idPart(policy.id));

function strategyOf({ strategy }: Policy) {
  const found = BUILT_IN_STRATEGIES.find(({ name }) => name === strategy);
  if (found === undefined) throw new Error(`there is no strategy ${strategy}`);
  return found;
}
