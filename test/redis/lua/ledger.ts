import { policyArgs, spendArgs } from '../../../src/backends/redis-wire.js';
import type { Decision } from '../../../src/core/decision.js';
import { keyOf } from '../../../src/core/key.js';
import { type Charge, ManualClock, MemoryBackend, type Policy, type Receipt } from '../../../src/index.js';
import { BUILTIN } from '../../../src/strategies/builtin.js';
import type { State } from '../../../src/strategies/strategy.js';
import type { Run } from './run.js';

/** A call of a run: what it asks, and until when by the server's clock; or that it only reads. */
export interface Call {
  readonly charges: readonly Charge[];
  readonly deadline: number | 'peek';
}

export interface At {
  /** The instant that decides. */
  readonly now: number;
  /** The server's time in microseconds. Where the instant is the server's, `now` is its milliseconds. */
  readonly timeUs: number;
  /** Whether the script is told the instant, or takes the server's. */
  readonly isTold: boolean;
}

const DECIDED = 1;
const LATE = 2;

/** Writes down runs of the scripts with what memory answers, and what the strategies leave under the keys. */
export class Ledger {
  readonly #clock = new ManualClock();
  readonly #memory = new MemoryBackend({ clock: this.#clock });
  readonly #stored = new Map<string, { readonly shape: string; readonly state: State }>();

  /** Where one charge stands, at a cost of 0. */
  standing(policy: Policy, subject: string, now: number): Decision | undefined {
    this.#clock.set(now);
    return this.#memory.peek([{ policy, subject, cost: 0 }]).decisions[0];
  }

  /** What a charge would be told. */
  waitOf(charge: Charge, now: number): Decision | undefined {
    this.#clock.set(now);
    return this.#memory.peek([charge]).decisions[0];
  }

  /** One run of lua/spend.lua, and the receipts of what was taken. */
  spend(
    calls: readonly Call[],
    { now, timeUs, isTold }: At,
  ): { readonly run: Run; readonly receipts: readonly Receipt[] } {
    this.#clock.set(now);
    const serverMs = Math.floor(timeUs / 1000);
    const reply: (number | string)[] = [serverMs, now];
    const written = new Map<string, string>();
    const receipts: Receipt[] = [];
    for (const { charges, deadline } of calls) {
      if (deadline !== 'peek' && serverMs > deadline) {
        reply.push(LATE);
        continue;
      }
      const outcome = this.#memory[deadline === 'peek' ? 'peek' : 'spend'](charges);
      const left =
        outcome.receipt === undefined
          ? charges.map(() => 0)
          : this.#take(charges, now, isTold ? 3_600_000 : 1000, written);
      reply.push(DECIDED, ...outcome.decisions.flatMap((decision, i) => [...membersOf(decision), left[i] ?? 0]));
      if (outcome.receipt !== undefined) receipts.push(outcome.receipt);
    }
    const asked = calls.map(({ charges, deadline }) => ({ charges, deadline: String(deadline) }));
    const run: Run = {
      script: 'spend',
      keys: calls.flatMap(({ charges }) => charges.map(keyFor)),
      args: spendArgs(isTold ? String(now) : '', asked),
      timeUs,
      expected: { reply, written: [...written.values()].sort() },
    };
    return { run, receipts };
  }

  /** One run of lua/settle.lua. */
  settle(receipt: Receipt, costs: readonly number[], deadline: number, { now, timeUs, isTold }: At): Run {
    this.#clock.set(now);
    const serverMs = Math.floor(timeUs / 1000);
    const isLate = serverMs > deadline;
    const written: string[] = [];
    if (!isLate) this.#memory.settle(receipt, costs);
    receipt.charges.forEach((charge, i) => {
      const to = costs[i] ?? charge.cost;
      const stored = this.#stored.get(keyFor(charge));
      if (isLate || to === charge.cost || stored === undefined || stored.shape !== charge.policy.shape) return;
      const state = strategyOf(charge.policy).amend(stored.state, now, charge.policy, receipt.at, charge.cost, to);
      if (state === stored.state) return;
      if (state.length === 0) {
        this.#stored.delete(keyFor(charge));
        written.push(`DEL ${keyFor(charge)}`);
      } else {
        this.#stored.set(keyFor(charge), { shape: stored.shape, state });
        written.push(`SET ${keyFor(charge)} ${stored.shape} ${state.join(' ')} KEEPTTL`);
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

  /** What a call that is allowed leaves under its keys, and the shapes that it leaves behind, one a charge. */
  #take(
    charges: readonly Charge[],
    now: number,
    spareMs: number,
    written: Map<string, string>,
  ): readonly (string | number)[] {
    const drafts = new Map<string, State>();
    const before = new Map(this.#stored);
    return charges.map((charge) => {
      const { policy, cost } = charge;
      if (cost === 0) return 0;
      const key = keyFor(charge);
      const found = before.get(key);
      const state = drafts.get(`${key} ${policy.shape}`) ?? (found?.shape === policy.shape ? found.state : []);
      const result = strategyOf(policy).step(state, now, policy, cost);
      drafts.set(`${key} ${policy.shape}`, result.state);
      const was = this.#stored.get(key);
      this.#stored.set(key, { shape: policy.shape, state: result.state });
      const ttl = result.decision.resetMs + spareMs;
      written.set(key, `SET ${key} ${policy.shape} ${result.state.join(' ')} PX ${ttl}`);
      return was !== undefined && was.shape !== policy.shape ? was.shape : 0;
    });
  }
}

const keyFor = ({ policy, subject }: Charge) => keyOf('sluice', subject, policy.id);

function strategyOf({ strategy }: Policy) {
  const found = BUILTIN.find(({ name }) => name === strategy);
  if (found === undefined) throw new Error(`there is no strategy ${strategy}`);
  return found;
}

function membersOf({
  allowed,
  limit,
  remaining,
  resetMs,
  retryAfterMs,
  delayMs,
  windowMs,
}: Decision): readonly number[] {
  return [allowed ? 1 : 0, limit, remaining, resetMs, retryAfterMs ?? -1, delayMs, windowMs];
}
